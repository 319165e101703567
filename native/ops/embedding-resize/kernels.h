// What the embedding-resize family has compiled for one instruction set.
#pragma once
#include <cstdint>

namespace nt {

struct EmbeddingResizeKernels {
  float (*dot)(const float* a, const float* b, int64_t n);
  // to[c][r] = from[r][c]; rows of `from` lie from_stride apart, those of `to` to_stride
  void (*transpose)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                    int64_t to_stride);
};

}  // namespace nt
