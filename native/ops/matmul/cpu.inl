// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). Compute-bound from about 12 rows on,
// bound by reading the weights below that.
#include "cpu/gemm/block.inl"

static constexpr MatmulKernels kMatmul = {
    kPanelWidth, kBlockRows, kBlockPanels, static_cast<int64_t>(sizeof(BlockScratch)), gemm_block, pack_panel,
};
