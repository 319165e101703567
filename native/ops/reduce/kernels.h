// What the reduce family has compiled for one instruction set.
#pragma once
#include <cstdint>

namespace nt {

struct ReduceKernels {
  // In float32; rows longer than kSumBlock are summed block by block in double.
  float (*sum)(const float* x, int64_t n);
  float (*max)(const float* x, int64_t n);  // NaN where there is one; -inf of nothing
  float (*min)(const float* x, int64_t n);
  // Over `rows` rows of n, `stride` apart: out[i] = scale * sum of weights[r] x[r][i]; weights may be null.
  void (*weighted_sum)(const float* x, int64_t stride, const float* weights, int64_t rows, float scale, float* out,
                       int64_t n);
  void (*max_of_rows)(const float* x, int64_t stride, int64_t rows, float* out, int64_t n);
};

constexpr int64_t kSumBlock = 256;

}  // namespace nt
