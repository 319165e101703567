// gated(x): the gate of GeGLU and SwiGLU: the last dimension holds two halves, one of which goes through an activation.
//   inputs  x: float32 [..., 2F]
//   attrs   [activation, order]: activation a number of math/activation.h; order 0: act(first) * second,
//           1: first * act(second)
//   output  float32 [..., F]
// Source: Shazeer 2020, arXiv:2002.05202.
#include "cpu/kernels.h"
#include "ops/check.h"
#include "ops/elementwise/exact.h"

namespace nt {
namespace {

const char* gated_infer(InferCall& call) {
  if (!has_input(call, 0) || call.in[0].dtype != DType::kF32) return "takes one float32 input";
  if (call.in[0].shape.rank < 1 || call.in[0].shape[-1] % 2) return "the last dimension must be even";
  if (call.n_attr < 2) return "needs an activation and an order";
  if (call.attr[0] < 0 || call.attr[0] >= kActivationCount) return "no such activation";
  if (call.attr[1] != 0 && call.attr[1] != 1) return "the order must be 0 or 1";
  call.out[0] = call.in[0];
  call.out[0].shape[-1] /= 2;
  return nullptr;
}

// f(x, gate, out) for every row; x is the half that the activation takes.
template <class F>
void for_rows(OpCall& call, const F& f) {
  const int64_t n = call.out[0].shape[-1];
  if (!n) return;
  const int64_t rows = call.out[0].shape.size() / n, grain = 1 + 4096 / n;
  const int64_t active = call.attr[1] != 0 ? n : 0;
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  call.parallel->ranges(rows, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) f(x + r * 2 * n + active, x + r * 2 * n + (n - active), out + r * n, n);
  });
}

const char* gated_cpu(OpCall& call) {
  const int activation = static_cast<int>(call.attr[0]);
  const auto kernel = call.kernels->elementwise.gate;
  for_rows(call,
           [=](const float* x, const float* gate, float* out, int64_t n) { kernel(activation, x, gate, out, n); });
  return nullptr;
}

const char* gated_reference(OpCall& call) {
  const int activation = static_cast<int>(call.attr[0]);
  for_rows(call, [=](const float* x, const float* gate, float* out, int64_t n) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(exact_activation(activation, x[i]) * gate[i]);
  });
  return nullptr;
}

}  // namespace

OpDef gated_op() {
  return {"gated", gated_infer, gated_cpu, gated_reference, -1};
}

}  // namespace nt
