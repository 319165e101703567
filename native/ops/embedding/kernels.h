// What the embedding family has compiled for one instruction set.
#pragma once
#include <cstdint>

#include "cpu/simd/element.h"

namespace nt {

// One row of a table, widened to float32, plus `add` where that is not null.
struct EmbeddingKernels {
  void (*row_f32)(const float* row, const float* add, float* out, int64_t n);
  void (*row_f16)(const F16* row, const float* add, float* out, int64_t n);
  void (*row_bf16)(const BF16* row, const float* add, float* out, int64_t n);
};

}  // namespace nt
