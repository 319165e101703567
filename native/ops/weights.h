// Weights of any of the three types that checkpoints hold, as floats.
#pragma once
#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {

// The input as floats: itself, or widened into scratch. Null when memory is out.
inline const float* as_floats(OpCall& call, int i) {
  const TensorView& v = call.in[i];
  if (v.dtype == DType::kF32) return v.as<float>();
  const int64_t n = v.shape.size();
  float* wide = static_cast<float*>(call.scratch->take(n * 4));
  if (wide && v.dtype == DType::kF16) call.kernels->elementwise.from_f16(v.as<F16>(), wide, n);
  if (wide && v.dtype == DType::kBF16) call.kernels->elementwise.from_bf16(v.as<BF16>(), wide, n);
  return wide;
}

// One element, exactly.
inline double weight_at(const TensorView& v, int64_t i) {
  switch (v.dtype) {
    case DType::kF16:
      return f16_to_f32(v.as<uint16_t>()[i]);
    case DType::kBF16:
      return bf16_to_f32(v.as<uint16_t>()[i]);
    default:
      return v.as<float>()[i];
  }
}

}  // namespace nt
