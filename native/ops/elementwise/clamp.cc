// clamp(x): out = x limited to [min, max].
//   inputs  x: float32, float64, int64 or int32
//   attrs   [min, max], NaN where there is no limit; a min above max gives max everywhere, as in PyTorch
//   output  the shape and dtype of x; NaN stays NaN
#include <cmath>
#include <limits>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

constexpr int64_t kGrain = 16384;

const char* clamp_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  const DType t = call.in[0].dtype;
  if (t != DType::kF32 && t != DType::kF64 && t != DType::kI64 && t != DType::kI32)
    return "takes float32, float64, int64 or int32";
  if (call.n_attr < 2) return "needs min and max";
  call.out[0] = call.in[0];
  return nullptr;
}

// The limit as a T: beyond the range of T it is T's own limit.
template <class T>
T limit(double value, T none) {
  if (std::isnan(value)) return none;
  if (value <= static_cast<double>(std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
  if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(value);
}

template <class T>
const char* clamp_plain(OpCall& call, T low, T high) {
  const T* x = call.in[0].as<T>();
  T* out = call.out[0].as<T>();
  call.parallel->ranges(call.in[0].shape.size(), kGrain, [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const T raised = x[i] < low ? low : x[i];
      out[i] = raised > high ? high : raised;
    }
  });
  return nullptr;
}

template <class T>
const char* clamp_whole(OpCall& call) {
  using Limits = std::numeric_limits<T>;
  return clamp_plain<T>(call, limit<T>(call.attr[0], Limits::lowest()), limit<T>(call.attr[1], Limits::max()));
}

template <class T>
T or_infinity(double value, T infinity) {
  return std::isnan(value) ? infinity : static_cast<T>(value);
}

template <class T>
const char* clamp_float(OpCall& call) {
  const T infinity = std::numeric_limits<T>::infinity();
  return clamp_plain<T>(call, or_infinity(call.attr[0], -infinity), or_infinity(call.attr[1], infinity));
}

const char* clamp_reference(OpCall& call) {
  switch (call.in[0].dtype) {
    case DType::kF32:
      return clamp_float<float>(call);
    case DType::kF64:
      return clamp_float<double>(call);
    case DType::kI64:
      return clamp_whole<int64_t>(call);
    default:
      return clamp_whole<int32_t>(call);
  }
}

const char* clamp_cpu(OpCall& call) {
  if (call.in[0].dtype != DType::kF32) return clamp_reference(call);
  const float infinity = std::numeric_limits<float>::infinity();
  const float low = or_infinity(call.attr[0], -infinity), high = or_infinity(call.attr[1], infinity);
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  const auto kernel = call.kernels->elementwise.clamp;
  call.parallel->ranges(call.in[0].shape.size(), kGrain, [=](int64_t begin, int64_t end, int) {
    kernel(x + begin, low, high, out + begin, end - begin);
  });
  return nullptr;
}

}  // namespace

OpDef clamp_op() {
  return {"clamp", clamp_infer, clamp_cpu, clamp_reference, -1};
}

}  // namespace nt
