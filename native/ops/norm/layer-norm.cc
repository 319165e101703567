// layer_norm(x, weight, bias, residual): rows of mean 0 and variance 1, scaled and shifted.
//   inputs  x: float32 [..., n]; weight, bias: float32, float16 or bfloat16 of n elements, each may be left out;
//           residual: float32 of the shape of x, may be left out
//   attrs   [eps, n], n the product of the last dimensions of x
//   output  float32, the shape of x: with h = x + residual, (h - mean h) / sqrt(var h + eps) * weight + bias
// var is the mean of (h - mean h)², taken in a second pass. Parallel over rows.
//
// rms_norm(x, weight): rows of mean square 1, scaled.
//   inputs  x: float32 [..., C]; weight: float32, float16 or bfloat16 [C], may be left out
//   attrs   [eps]
//   output  float32, the shape of x: x / sqrt(mean x² + eps) * weight
// Sources: Ba et al. 2016, arXiv:1607.06450; Zhang and Sennrich 2019, arXiv:1910.07467.
#include <cmath>

#include "ops/weights.h"

namespace nt {
namespace {

const char* check_vector(const InferCall& call, int i, int64_t n) {
  if (!has_input(call, i)) return nullptr;
  if (!is_weight(call.in[i].dtype)) return "weight and bias must be float32, float16 or bfloat16";
  return call.in[i].shape.size() == n ? nullptr : "weight and bias must have as many elements as are normalized";
}

bool is_trailing_size(const Shape& shape, int64_t n) {
  int64_t product = 1;
  for (int d = shape.rank - 1; d >= 0 && product != n; --d) product *= shape.dims[d];
  return product == n;
}

const char* layer_norm_infer(InferCall& call) {
  if (!has_input(call, 0) || call.in[0].dtype != DType::kF32) return "takes float32";
  if (call.n_attr < 2) return "needs eps and the number of normalized elements";
  const int64_t n = static_cast<int64_t>(call.attr[1]);
  if (!is_trailing_size(call.in[0].shape, n)) return "the normalized size is no product of the last dimensions";
  for (int i = 1; i <= 2; ++i)
    if (const char* reason = check_vector(call, i, n)) return reason;
  if (has_input(call, 3) && (call.in[3].dtype != DType::kF32 || call.in[3].shape != call.in[0].shape))
    return "the residual must be float32 and have the shape of the input";
  call.out[0] = call.in[0];
  return nullptr;
}

const char* rms_norm_infer(InferCall& call) {
  if (!has_input(call, 0) || call.in[0].dtype != DType::kF32) return "takes float32";
  if (call.in[0].shape.rank < 1) return "needs at least one dimension";
  if (call.n_attr < 1) return "needs eps";
  if (const char* reason = check_vector(call, 1, call.in[0].shape[-1])) return reason;
  call.out[0] = call.in[0];
  return nullptr;
}

// A weight or bias as floats; null in *out when it was left out.
const char* optional_floats(OpCall& call, int i, const float** out) {
  *out = has_input(call, i) ? as_floats(call, i) : nullptr;
  return has_input(call, i) && !*out ? "out of memory" : nullptr;
}

const char* layer_norm_cpu(OpCall& call) {
  const float *weight, *bias;
  if (const char* reason = optional_floats(call, 1, &weight)) return reason;
  if (const char* reason = optional_floats(call, 2, &bias)) return reason;
  const float* x = call.in[0].as<float>();
  const float* residual = has_input(call, 3) ? call.in[3].as<float>() : nullptr;
  float* out = call.out[0].as<float>();
  const float eps = static_cast<float>(call.attr[0]);
  const int64_t n = static_cast<int64_t>(call.attr[1]), size = call.in[0].shape.size();
  const auto row = call.kernels->norm.layer_norm;
  if (!size) return nullptr;
  call.parallel->ranges(size / n, row_grain(n, 16384), [=](int64_t begin, int64_t end, int) {
    for (int64_t at = begin * n; at < end * n; at += n)
      row(x + at, residual ? residual + at : nullptr, weight, bias, eps, out + at, n);
  });
  return nullptr;
}

const char* rms_norm_cpu(OpCall& call) {
  const float* weight;
  if (const char* reason = optional_floats(call, 1, &weight)) return reason;
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  const float eps = static_cast<float>(call.attr[0]);
  const int64_t n = call.in[0].shape[-1], size = call.in[0].shape.size();
  const auto row = call.kernels->norm.rms_norm;
  if (!size) return nullptr;
  call.parallel->ranges(size / n, row_grain(n, 16384), [=](int64_t begin, int64_t end, int) {
    for (int64_t at = begin * n; at < end * n; at += n) row(x + at, weight, eps, out + at, n);
  });
  return nullptr;
}

double vector_at(const OpCall& call, int i, int64_t at, double missing) {
  return has_input(call, i) ? weight_at(call.in[i], at) : missing;
}

const char* layer_norm_reference(OpCall& call) {
  const int64_t n = static_cast<int64_t>(call.attr[1]), size = call.in[0].shape.size();
  const auto h = [&](int64_t i) {
    const float residual = has_input(call, 3) ? call.in[3].as<float>()[i] : 0.0f;
    return static_cast<double>(call.in[0].as<float>()[i] + residual);
  };
  for (int64_t row = 0; row < size; row += n) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < n; ++i) mean += h(row + i) / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) variance += (h(row + i) - mean) * (h(row + i) - mean) / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i) {
      const double unit = (h(row + i) - mean) / std::sqrt(variance + call.attr[0]);
      call.out[0].as<float>()[row + i] = static_cast<float>(unit * vector_at(call, 1, i, 1) + vector_at(call, 2, i, 0));
    }
  }
  return nullptr;
}

const char* rms_norm_reference(OpCall& call) {
  const int64_t n = call.in[0].shape[-1], size = call.in[0].shape.size();
  const float* x = call.in[0].as<float>();
  for (int64_t row = 0; row < size; row += n) {
    double mean_square = 0;
    for (int64_t i = row; i < row + n; ++i) mean_square += static_cast<double>(x[i]) * x[i] / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i)
      call.out[0].as<float>()[row + i] =
          static_cast<float>(x[row + i] / std::sqrt(mean_square + call.attr[0]) * vector_at(call, 1, i, 1));
  }
  return nullptr;
}

}  // namespace

OpDef layer_norm_op() {
  return {"layer_norm", layer_norm_infer, layer_norm_cpu, layer_norm_reference, -1};
}
OpDef rms_norm_op() {
  return {"rms_norm", rms_norm_infer, rms_norm_cpu, rms_norm_reference, -1};
}

}  // namespace nt
