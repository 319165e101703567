// norm(x): the p-norm along one dimension, or over all.
//   inputs  x: float32 or float64
//   attrs   [p, dim, keepdim], dim -1000 for all; p may be infinite of either sign, and 0, which counts what is not 0
//   output  the dtype of x
// var(x), std(x): as torch.var and torch.std.
//   inputs  x: float32 or float64
//   attrs   [dim, keepdim, correction], dim -1000 for all
//   output  the dtype of x: sum (x - mean)² / max(0, n - correction), and its root; 0 / 0 is NaN
// In double, two passes for the variance. Parallel over slices.
#include <cmath>
#include <limits>

#include "ops/reduce/reduce.h"

namespace nt {
namespace {

template <class T>
double p_norm(const T* x, int64_t n, int64_t step, double p) {
  double best = p < 0 ? std::numeric_limits<double>::infinity() : 0, sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double magnitude = std::fabs(static_cast<double>(x[i * step]));
    if (std::isnan(magnitude)) return p == 0 ? static_cast<double>(n) : magnitude;
    if (std::isinf(p))
      best = p > 0 ? std::fmax(best, magnitude) : std::fmin(best, magnitude);
    else
      sum += p == 2 ? magnitude * magnitude : p == 1 ? magnitude : p == 0 ? magnitude != 0 : std::pow(magnitude, p);
  }
  if (std::isinf(p)) return best;
  return p == 2 ? std::sqrt(sum) : p == 1 || p == 0 ? sum : std::pow(sum, 1 / p);
}

template <class T>
double variance(const T* x, int64_t n, int64_t step, double correction) {
  double mean = 0, sum = 0;
  for (int64_t i = 0; i < n; ++i) mean += static_cast<double>(x[i * step]);
  mean /= static_cast<double>(n);
  for (int64_t i = 0; i < n; ++i) {
    const double d = static_cast<double>(x[i * step]) - mean;
    sum += d * d;
  }
  return sum / std::fmax(0, static_cast<double>(n) - correction);
}

const char* check(InferCall& call, double dim, double keepdim) {
  if (!has_input(call, 0) || (call.in[0].dtype != DType::kF32 && call.in[0].dtype != DType::kF64))
    return "takes float32 or float64";
  call.out[0].dtype = call.in[0].dtype;
  return reduced_shape(call.in[0].shape, dim, keepdim != 0, &call.out[0].shape);
}

const char* norm_infer(InferCall& call) {
  if (call.n_attr < 3) return "needs p, dim and keepdim";
  return check(call, call.attr[1], call.attr[2]);
}

const char* var_infer(InferCall& call) {
  if (call.n_attr < 3) return "needs dim, keepdim and correction";
  return check(call, call.attr[0], call.attr[1]);
}

template <class T, class F>
void each_slice(OpCall& call, double dim, const F& f) {
  const Around around = reduced(call.in[0].shape, dim);
  const T* x = call.in[0].as<T>();
  T* out = call.out[0].as<T>();
  for_slices(call.parallel, around,
             [&](int64_t i, int64_t at) { out[i] = static_cast<T>(f(x + at, around.n, around.inner)); });
}

const char* norm_run(OpCall& call) {
  const auto f = [&](const auto* x, int64_t n, int64_t step) { return p_norm(x, n, step, call.attr[0]); };
  if (call.in[0].dtype == DType::kF32)
    each_slice<float>(call, call.attr[1], f);
  else
    each_slice<double>(call, call.attr[1], f);
  return nullptr;
}

template <bool kRoot>
const char* var_run(OpCall& call) {
  const auto f = [&](const auto* x, int64_t n, int64_t step) {
    const double v = variance(x, n, step, call.attr[2]);
    return kRoot ? std::sqrt(v) : v;
  };
  if (call.in[0].dtype == DType::kF32)
    each_slice<float>(call, call.attr[0], f);
  else
    each_slice<double>(call, call.attr[0], f);
  return nullptr;
}

}  // namespace

// These run in double already: one routine serves as kernel and as reference.
OpDef norm_op() {
  return {"norm", norm_infer, norm_run, norm_run, -1};
}
OpDef var_op() {
  return {"var", var_infer, var_run<false>, var_run<false>, -1};
}
OpDef std_op() {
  return {"std", var_infer, var_run<true>, var_run<true>, -1};
}

}  // namespace nt
