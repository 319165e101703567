#include "cpu/gemm/gemm.h"

#include <algorithm>

namespace nt {
namespace {

int64_t divide_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// How C is cut for several workers: panels a block. The cost of a cut is what the busiest worker does, in panels; of
// nearly equal ones the finest is taken, because workers start late and are slowed by others.
int64_t panels_per_block(int64_t panels, int64_t most, int64_t row_blocks, int64_t workers, int64_t granule) {
  constexpr int64_t kBlocksPerWorker = 8;
  constexpr double kBlockCost = 0.5, kNearlyEqual = 1.05;
  if (workers == 1) return divide_up(panels, divide_up(panels, most));
  const auto cost = [&](int64_t size) {
    const int64_t rounds = divide_up(row_blocks * divide_up(panels, size), workers);
    return static_cast<double>(rounds) * (static_cast<double>(size) + kBlockCost);
  };
  const int64_t largest = std::min(most, divide_up(panels, granule) * granule);
  const int64_t finest = std::max<int64_t>(1, row_blocks * panels / (workers * kBlocksPerWorker * granule)) * granule;
  double least = cost(largest);
  for (int64_t size = finest; size < largest; size += granule) least = std::min(least, cost(size));
  int64_t size = finest;
  while (size < largest && cost(size) > least * kNearlyEqual) size += granule;
  return std::min(size, largest);
}

// Blocks of few rows walk several panels at once.
int64_t granule(int64_t rows, int64_t panels, int64_t workers) {
  constexpr int64_t kFewRows = 6, kPanelsAtOnce = 2;
  return rows <= kFewRows && panels >= kPanelsAtOnce * workers ? kPanelsAtOnce : 1;
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
  const int64_t workers = parallel.workers();
  const int64_t per_block =
      panels_per_block(panels, engine.block_panels, row_blocks, workers, granule(gemm.m, panels, workers));
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
