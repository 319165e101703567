// What the norm family has compiled for one instruction set. Each works on one row of n elements.
#pragma once
#include <cstdint>

namespace nt {

struct NormKernels {
  // residual, weight and bias may be null. out may be x.
  void (*layer_norm)(const float* x, const float* residual, const float* weight, const float* bias, float eps,
                     float* out, int64_t n);
  void (*rms_norm)(const float* x, const float* weight, float eps, float* out, int64_t n);
  // out = x / max(||x||₂, eps)
  void (*normalize)(const float* x, float eps, float* out, int64_t n);
};

}  // namespace nt
