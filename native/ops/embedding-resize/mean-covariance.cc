// mean_covariance(x): of the columns of a table.
//   inputs  x: float32, float16 or bfloat16 [V, C], V > 0
//   attrs   none
//   outputs mean: float32 [C]; covariance: float32 [C, C] = (x - mean)ᵀ (x - mean) / V
// The mean is summed in double over sums of a few rows in float32. The covariance is the GEMM engine's work on a slice
// of centered rows at a time, the lower triangle only, added up in float32. Parallel over ranges of rows, then over
// blocks of the triangle; slices and ranges are the same however many threads there are.
#include <algorithm>
#include <vector>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/pack.h"
#include "ops/weights.h"

namespace nt {
namespace {

const char* infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs a table";
  const TensorView& x = call.in[0];
  if (!is_weight(x.dtype)) return "the table must be float32, float16 or bfloat16";
  if (x.shape.rank != 2) return "the table must have two dimensions";
  if (x.shape[0] < 1) return "the table must have rows";
  const int64_t c = x.shape[1];
  for (int i = 0; i < 2; ++i) {
    call.out[i].dtype = DType::kF32;
    call.out[i].shape = Shape();
    for (int d = 0; d <= i; ++d) call.out[i].shape.dims[call.out[i].shape.rank++] = c;
  }
  call.n_out = 2;
  return nullptr;
}

// A part of row `row` as floats, plus `add`.
void widen(const OpCall& call, int64_t row, int64_t first, int64_t n, const float* add, float* out) {
  const TensorView& x = call.in[0];
  const EmbeddingKernels& kernels = call.kernels->embedding;
  const int64_t at = row * x.shape[1] + first;
  if (x.dtype == DType::kF16)
    kernels.row_f16(x.as<F16>() + at, add, out, n);
  else if (x.dtype == DType::kBF16)
    kernels.row_bf16(x.as<BF16>() + at, add, out, n);
  else
    kernels.row_f32(x.as<float>() + at, add, out, n);
}

constexpr int64_t kRangeRows = 4096, kFloatRows = 128;

// The sums of the rows of one range.
void sum_range(const OpCall& call, int64_t begin, int64_t end, float* floats, double* sums) {
  const int64_t c = call.in[0].shape[1];
  for (int64_t i = 0; i < c; ++i) sums[i] = 0;
  for (int64_t first = begin; first < end; first += kFloatRows) {
    for (int64_t i = 0; i < c; ++i) floats[i] = 0.0f;
    for (int64_t row = first; row < std::min(end, first + kFloatRows); ++row) widen(call, row, 0, c, floats, floats);
    for (int64_t i = 0; i < c; ++i) sums[i] += floats[i];
  }
}

const char* find_mean(OpCall& call) {
  const int64_t rows = call.in[0].shape[0], c = call.in[0].shape[1];
  const int64_t ranges = (rows + kRangeRows - 1) / kRangeRows;
  double* sums = static_cast<double*>(call.scratch->take(ranges * c * static_cast<int64_t>(sizeof(double))));
  float* floats = static_cast<float*>(
      call.scratch->take(call.parallel->workers() * (c + 16) * static_cast<int64_t>(sizeof(float))));
  if (!sums || !floats) return "out of memory";
  call.parallel->each(ranges, [&](int64_t range, int worker) {
    sum_range(call, range * kRangeRows, std::min(rows, (range + 1) * kRangeRows), floats + worker * (c + 16),
              sums + range * c);
  });
  for (int64_t i = 0; i < c; ++i) {
    double sum = 0;
    for (int64_t range = 0; range < ranges; ++range) sum += sums[range * c + i];
    call.out[0].as<float>()[i] = static_cast<float>(sum / static_cast<double>(rows));
  }
  return nullptr;
}

// Slices of centered rows, twice in scratch: as panels [panel][k][width], and turned, [C][k].
class Triangle {
 public:
  static constexpr int64_t kSlice = 1024, kStride = kSlice + 16;  // rows of A that lie 4 KiB apart share cache sets

  explicit Triangle(OpCall& call)
      : call_(call),
        c_(call.in[0].shape[1]),
        width_(call.kernels->matmul.panel_width),
        panels_((c_ + width_ - 1) / width_) {
    const int64_t item = sizeof(float);
    shift_ = static_cast<float*>(call.scratch->take(c_ * item));
    packed_ = static_cast<float*>(call.scratch->take(panels_ * width_ * kSlice * item));
    turned_ = static_cast<float*>(call.scratch->take(c_ * kStride * item));
    engine_ = static_cast<char*>(call.scratch->take(gemm_scratch_bytes(*call.kernels, *call.parallel)));
    engine_bytes_ = (call.kernels->matmul.scratch_bytes + 63) / 64 * 64;
    cut();
  }

  bool has_memory() const { return shift_ && packed_ && turned_ && engine_; }

  void run() {
    for (int64_t i = 0; i < c_; ++i) shift_[i] = -call_.out[0].as<float>()[i];
    const int64_t rows = call_.in[0].shape[0];
    for (int64_t first = 0; first < rows; first += kSlice) {
      const int64_t k = std::min(kSlice, rows - first);
      call_.parallel->each(panels_, [&](int64_t panel, int) { center(panel, first, k); });
      multiply(k, first == 0);
    }
    finish();
  }

 private:
  // Blocks of the lower triangle, the longest first.
  void cut() {
    const MatmulKernels& engine = call_.kernels->matmul;
    const int64_t most = std::min<int64_t>(engine.block_panels, 8);
    const int64_t row_blocks = (c_ + engine.block_rows - 1) / engine.block_rows;
    for (int64_t r = row_blocks - 1; r >= 0; --r) {
      const int64_t first_row = c_ * r / row_blocks, last_row = c_ * (r + 1) / row_blocks;
      const int64_t end = (last_row + width_ - 1) / width_;
      for (int64_t p = 0; p < end; p += most) blocks_.push_back({first_row, last_row, p, std::min(end, p + most)});
    }
  }

  void center(int64_t panel, int64_t first, int64_t k) {
    const int64_t column = panel * width_, n = std::min(width_, c_ - column);
    float* to = packed_ + panel * k * width_;
    for (int64_t i = 0; i < k; ++i) {
      widen(call_, first + i, column, n, shift_ + column, to + i * width_);
      for (int64_t j = n; j < width_; ++j) to[i * width_ + j] = 0.0f;
    }
    call_.kernels->embedding_resize.transpose(to, width_, k, n, turned_ + column * kStride, kStride);
  }

  void multiply(int64_t k, bool is_first) {
    Gemm gemm = {};
    gemm.m = gemm.n = c_;
    gemm.k = k;
    gemm.a = turned_;
    gemm.a_stride = kStride;
    gemm.panels = packed_;
    gemm.w_type = DType::kF32;
    gemm.c = call_.out[1].as<float>();
    gemm.residual = is_first ? nullptr : gemm.c;  // added where it is written
    call_.parallel->each(static_cast<int64_t>(blocks_.size()), [&](int64_t i, int worker) {
      call_.kernels->matmul.block(gemm, blocks_[static_cast<size_t>(i)], engine_ + worker * engine_bytes_);
    });
  }

  void finish() {
    float* c = call_.out[1].as<float>();
    const float rows = static_cast<float>(call_.in[0].shape[0]);
    for (int64_t i = 0; i < c_; ++i)
      for (int64_t j = 0; j <= i; ++j) c[j * c_ + i] = c[i * c_ + j] = c[i * c_ + j] / rows;
  }

  OpCall& call_;
  const int64_t c_, width_, panels_;
  float *shift_, *packed_, *turned_;
  char* engine_;
  int64_t engine_bytes_ = 0;
  std::vector<GemmBlock> blocks_;
};

const char* cpu(OpCall& call) {
  if (call.in[0].shape[1] == 0) return nullptr;
  if (const char* reason = find_mean(call)) return reason;
  Triangle triangle(call);
  if (!triangle.has_memory()) return "out of memory";
  triangle.run();
  return nullptr;
}

const char* reference(OpCall& call) {
  const int64_t rows = call.in[0].shape[0], c = call.in[0].shape[1];
  std::vector<double> mean(static_cast<size_t>(c), 0.0);
  for (int64_t i = 0; i < c; ++i) {
    for (int64_t r = 0; r < rows; ++r) mean[static_cast<size_t>(i)] += weight_at(call.in[0], r * c + i);
    mean[static_cast<size_t>(i)] /= static_cast<double>(rows);
    call.out[0].as<float>()[i] = static_cast<float>(mean[static_cast<size_t>(i)]);
  }
  for (int64_t i = 0; i < c; ++i)
    for (int64_t j = 0; j < c; ++j) {
      double sum = 0;
      for (int64_t r = 0; r < rows; ++r)
        sum += (weight_at(call.in[0], r * c + i) - mean[static_cast<size_t>(i)]) *
               (weight_at(call.in[0], r * c + j) - mean[static_cast<size_t>(j)]);
      call.out[1].as<float>()[i * c + j] = static_cast<float>(sum / static_cast<double>(rows));
    }
  return nullptr;
}

}  // namespace

OpDef mean_covariance_op() {
  return {"mean_covariance", infer, cpu, reference, -1};
}

}  // namespace nt
