// softmax(x), log_softmax(x): along one dimension.
//   inputs  x: float32
//   attrs   [dim]
//   output  float32, the shape of x: e^(x - m) / sum e^(x - m), or x - m - ln sum e^(x - m), with m the maximum
// A slice with NaN or +inf, and one of nothing but -inf, gives NaN, as in PyTorch. Parallel over slices.
#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

const char* softmax_infer(InferCall& call) {
  if (!has_input(call, 0) || call.in[0].dtype != DType::kF32) return "takes float32";
  if (call.n_attr < 1 || dimension(call.in[0].shape, call.attr[0]) < 0) return "no such dimension";
  call.out[0] = call.in[0];
  return nullptr;
}

constexpr int64_t kColumnBlock = 64;

template <bool kLog>
const char* softmax_cpu(OpCall& call) {
  const Around around(call.in[0].shape, dimension(call.in[0].shape, call.attr[0]));
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  const int64_t n = around.n, inner = around.inner;
  const SoftmaxKernels& kernels = call.kernels->softmax;
  if (!call.in[0].shape.size()) return nullptr;
  if (inner == 1) {
    call.parallel->ranges(around.outer, row_grain(n, 2048), [&](int64_t begin, int64_t end, int) {
      for (int64_t r = begin; r < end; ++r) kernels.row(x + r * n, out + r * n, n, kLog);
    });
    return nullptr;
  }
  const int64_t blocks = (inner + kColumnBlock - 1) / kColumnBlock;
  call.parallel->ranges(around.outer * blocks, row_grain(n * kColumnBlock, 2048), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t column = i % blocks * kColumnBlock, at = i / blocks * n * inner + column;
      const int64_t width = inner - column < kColumnBlock ? inner - column : kColumnBlock;
      kernels.columns(x + at, out + at, n, inner, width, kLog);
    }
  });
  return nullptr;
}

template <bool kLog>
const char* softmax_reference(OpCall& call) {
  const Around around(call.in[0].shape, dimension(call.in[0].shape, call.attr[0]));
  for (int64_t slice = 0; slice < around.outer * around.inner; ++slice) {
    const int64_t at = slice / around.inner * around.n * around.inner + slice % around.inner;
    const float* x = call.in[0].as<float>() + at;
    float* out = call.out[0].as<float>() + at;
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < around.n; ++i) top = std::max<double>(top, x[i * around.inner]);
    for (int64_t i = 0; i < around.n; ++i) sum += std::exp(x[i * around.inner] - top);
    for (int64_t i = 0; i < around.n; ++i) {
      const double d = x[i * around.inner] - top;
      out[i * around.inner] = static_cast<float>(kLog ? d - std::log(sum) : std::exp(d) / sum);
    }
  }
  return nullptr;
}

}  // namespace

OpDef softmax_op() {
  return {"softmax", softmax_infer, softmax_cpu<false>, softmax_reference<false>, -1};
}
OpDef log_softmax_op() {
  return {"log_softmax", softmax_infer, softmax_cpu<true>, softmax_reference<true>, -1};
}

}  // namespace nt
