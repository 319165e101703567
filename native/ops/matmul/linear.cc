// linear(x, weight, bias, residual): a product with a weight, and what follows it, in one pass over the result.
//   inputs  x: float32 [..., K]; weight: float32, float16 or bfloat16, [N, K] or, when transposed, [K, N];
//           bias: the same types [N], or left out; residual: float32 [..., N], or left out
//   attrs   [activation, transposed]: activation a number of math/activation.h, 0 none
//   output  float32 [..., N]: activation(x · weightᵀ + bias) + residual
// Accumulates in float32, in one order of k for every element. Parallel over blocks of rows and panels.
#include <cstddef>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/pack.h"
#include "math/activation.h"
#include "ops/check.h"
#include "ops/elementwise/exact.h"
#include "ops/weights.h"

namespace nt {
namespace {

struct Sizes {
  int64_t m = 1, n, k;
  bool transposed;

  Sizes(const TensorView* in, const double* attr) {
    const Shape &x = in[0].shape, &w = in[1].shape;
    for (int i = 0; i + 1 < x.rank; ++i) m *= x.dims[i];
    transposed = attr[1] != 0;
    n = w.dims[transposed ? 1 : 0];
    k = w.dims[transposed ? 0 : 1];
  }
};

const char* infer(InferCall& call) {
  const TensorView &x = call.in[0], &w = call.in[1];
  if (!has_input(call, 0) || !has_input(call, 1)) return "x and weight are required";
  if (x.dtype != DType::kF32) return "x must be float32";
  if (!is_weight(w.dtype)) return "weight must be float32, float16 or bfloat16";
  if (x.shape.rank < 1 || w.shape.rank != 2) return "x must be [..., K] and weight a matrix";
  if (call.n_attr < 2 || call.attr[0] < 0 || call.attr[0] >= kActivationCount) return "no such activation";
  const Sizes sizes(call.in, call.attr);
  if (x.shape[-1] != sizes.k) return "inner dimensions differ";
  call.out[0].dtype = DType::kF32;
  call.out[0].shape = x.shape;
  call.out[0].shape[-1] = sizes.n;
  if (has_input(call, 2)) {
    if (!is_weight(call.in[2].dtype)) return "bias must be float32, float16 or bfloat16";
    if (call.in[2].shape.rank != 1 || call.in[2].shape.dims[0] != sizes.n)
      return "bias must have one number for each column";
  }
  if (has_input(call, 3) && (call.in[3].dtype != DType::kF32 || call.in[3].shape != call.out[0].shape))
    return "residual must be float32 of the result's shape";
  return nullptr;
}

// The rows of a weight that is held as panels of its transpose; null when memory is out.
const void* unpack(OpCall& call) {
  const TensorView& w = call.in[1];
  void* rows = call.scratch->take(w.bytes());
  if (!rows) return nullptr;
  const int64_t height = w.shape.dims[0], width = w.shape.dims[1];
  if (w.panel_transposed)
    unpack_panels_transposed(w.panel, w.dtype, width, height, w.panel_width, rows, *call.parallel);
  else
    unpack_panels(w.panel, w.dtype, height, width, w.panel_width, rows, *call.parallel);
  return rows;
}

const char* cpu(OpCall& call) {
  const Sizes sizes(call.in, call.attr);
  const TensorView& w = call.in[1];
  if (sizes.m == 0 || sizes.n == 0) return nullptr;
  Gemm gemm = {};
  if (w.panel && w.panel_transposed == sizes.transposed)
    gemm.panels = w.panel;
  else
    gemm.rows = w.data ? w.data : unpack(call);
  if (!gemm.panels && !gemm.rows) return "out of memory";
  gemm.rows_transposed = sizes.transposed;
  gemm.m = sizes.m;
  gemm.n = sizes.n;
  gemm.k = sizes.k;
  gemm.a = call.in[0].as<float>();
  gemm.a_stride = sizes.k;
  gemm.w_type = w.dtype;
  gemm.bias = has_input(call, 2) ? call.in[2].data : nullptr;
  gemm.bias_type = has_input(call, 2) ? call.in[2].dtype : DType::kF32;
  gemm.activation = static_cast<int>(call.attr[0]);
  gemm.residual = has_input(call, 3) ? call.in[3].as<float>() : nullptr;
  gemm.c = call.out[0].as<float>();
  void* scratch = call.scratch->take(gemm_scratch_bytes(*call.kernels, *call.parallel));
  if (!scratch) return "out of memory";
  nt::gemm(*call.kernels, gemm, *call.parallel, scratch);
  return nullptr;
}

const char* reference(OpCall& call) {
  const Sizes sizes(call.in, call.attr);
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  for (int64_t m = 0; m < sizes.m; ++m)
    for (int64_t n = 0; n < sizes.n; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < sizes.k; ++k)
        sum += static_cast<double>(x[m * sizes.k + k]) *
               weight_at(call.in[1], sizes.transposed ? k * sizes.n + n : n * sizes.k + k);
      if (has_input(call, 2)) sum += weight_at(call.in[2], n);
      double y = exact_activation(static_cast<int>(call.attr[0]), sum);
      if (has_input(call, 3)) y += call.in[3].as<float>()[m * sizes.n + n];
      out[m * sizes.n + n] = static_cast<float>(y);
    }
  return nullptr;
}

}  // namespace

OpDef linear_op() {
  return {"linear", infer, cpu, reference, 1};
}

}  // namespace nt
