#include "cpu/gemm/gemm.h"

#include <algorithm>

namespace nt {
namespace {

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// Panels a block, at most `most`: as many as leave no worker idle for long. Every worker is to get a few blocks,
// because workers start late and are slowed by others.
int64_t panels_per_block(int64_t panels, int64_t most, int64_t row_blocks, int64_t workers) {
  constexpr int64_t kBlocksPerWorker = 4;
  const int64_t wanted = workers == 1 ? 1 : workers * kBlocksPerWorker;
  int64_t column_blocks = std::max(divide_up(panels, most), divide_up(wanted, row_blocks));
  if (column_blocks >= panels) return 1;
  const int64_t in_a_round = workers * divide_up(panels, column_blocks);
  const int64_t rounds = divide_up(row_blocks * panels, in_a_round);
  (void)rounds;
  return divide_up(panels, column_blocks);
}

}  // namespace

int64_t gemm_scratch_bytes(const Kernels& kernels, const Parallel& parallel) {
  return divide_up(kernels.matmul.scratch_bytes, 64) * 64 * parallel.workers();
}

void gemm(const Kernels& kernels, const Gemm& gemm, Parallel& parallel, void* scratch) {
  const MatmulKernels& engine = kernels.matmul;
  if (gemm.m <= 0 || gemm.n <= 0) return;
  const int64_t row_blocks = divide_up(gemm.m, engine.block_rows);
  const int64_t panels = divide_up(gemm.n, engine.panel_width);
  const int64_t per_block = panels_per_block(panels, engine.block_panels, row_blocks, parallel.workers());
  const int64_t worker_bytes = divide_up(engine.scratch_bytes, 64) * 64;
  // Blocks of the same panels follow each other, so that weights come from memory once.
  parallel.each(row_blocks * divide_up(panels, per_block), [&](int64_t block, int worker) {
    const int64_t row = block % row_blocks, first_panel = block / row_blocks * per_block;
    engine.block(gemm,
                 {gemm.m * row / row_blocks, gemm.m * (row + 1) / row_blocks, first_panel,
                  std::min(panels, first_panel + per_block)},
                 static_cast<char*>(scratch) + worker * worker_bytes);
  });
}

}  // namespace nt
