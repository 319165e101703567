// What the softmax family has compiled for one instruction set.
#pragma once
#include <cstdint>

namespace nt {

struct SoftmaxKernels {
  // One row of n; out may be x.
  void (*row)(const float* x, float* out, int64_t n, bool log);
  // `columns` slices side by side, each of n elements that lie `stride` apart; out may be x.
  void (*columns)(const float* x, float* out, int64_t n, int64_t stride, int64_t columns, bool log);
  // ln of the sum of e^x over a row
  float (*log_sum_exp)(const float* x, int64_t n);
};

}  // namespace nt
