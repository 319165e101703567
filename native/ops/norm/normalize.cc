// normalize(x): each slice along a dimension divided by its p-norm, as torch.nn.functional.normalize.
//   inputs  x: float32
//   attrs   [p, dim, eps], p > 0, infinity included
//   output  float32, the shape of x: x / max(||x||_p, eps)
// p = 2 along the last dimension runs over vectors with float32 sums; anything else in double. Parallel over slices.
#include <cmath>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

const char* normalize_infer(InferCall& call) {
  if (!has_input(call, 0) || call.in[0].dtype != DType::kF32) return "takes float32";
  if (call.n_attr < 3) return "needs p, dim and eps";
  if (!(call.attr[0] > 0)) return "p must be above 0";
  if (dimension(call.in[0].shape, call.attr[1]) < 0) return "no such dimension";
  call.out[0] = call.in[0];
  return nullptr;
}

double p_norm(const float* x, int64_t n, int64_t step, double p) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double magnitude = std::fabs(static_cast<double>(x[i * step]));
    if (std::isnan(magnitude)) return magnitude;
    if (std::isinf(p))
      sum = magnitude > sum ? magnitude : sum;
    else
      sum += p == 2 ? magnitude * magnitude : p == 1 ? magnitude : std::pow(magnitude, p);
  }
  return std::isinf(p) || p == 1 ? sum : p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / p);
}

void normalize_slice(const float* x, float* out, int64_t n, int64_t step, double p, double eps) {
  const double length = p_norm(x, n, step, p);
  const double divisor = length < eps ? eps : length;
  for (int64_t i = 0; i < n; ++i) out[i * step] = static_cast<float>(x[i * step] / divisor);
}

const char* normalize_reference(OpCall& call) {
  const Around around(call.in[0].shape, dimension(call.in[0].shape, call.attr[1]));
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  const double p = call.attr[0], eps = call.attr[2];
  call.parallel->ranges(around.outer * around.inner, row_grain(around.n, 2048), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i / around.inner * around.n * around.inner + i % around.inner;
      normalize_slice(x + at, out + at, around.n, around.inner, p, eps);
    }
  });
  return nullptr;
}

const char* normalize_cpu(OpCall& call) {
  const Around around(call.in[0].shape, dimension(call.in[0].shape, call.attr[1]));
  if (call.attr[0] != 2 || around.inner != 1) return normalize_reference(call);
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  const float eps = static_cast<float>(call.attr[2]);
  const int64_t n = around.n;
  const auto row = call.kernels->norm.normalize;
  call.parallel->ranges(around.outer, row_grain(n, 8192), [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; ++r) row(x + r * n, eps, out + r * n, n);
  });
  return nullptr;
}

}  // namespace

OpDef normalize_op() {
  return {"normalize", normalize_infer, normalize_cpu, normalize_reference, -1};
}

}  // namespace nt
