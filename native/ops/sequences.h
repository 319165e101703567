// Sequences of tokens laid end to end: nothing is padded, and only some ops need to know where one begins.
#pragma once
#include "ops/check.h"

namespace nt {

// offsets: int32 [B + 1], where each begins, and the number of tokens at the end.
struct Sequences {
  const int32_t* offsets;
  int64_t sequences;

  explicit Sequences(const TensorView& cu_seqlens)
      : offsets(cu_seqlens.as<int32_t>()), sequences(cu_seqlens.shape[0] - 1) {}

  int64_t offset(int64_t b) const { return offsets[b]; }
  int64_t length(int64_t b) const { return offsets[b + 1] - offsets[b]; }
  int64_t longest_sequence() const {
    int64_t longest = 0;
    for (int64_t b = 0; b < sequences; ++b) longest = length(b) > longest ? length(b) : longest;
    return longest;
  }

  // From 0 to `tokens` without a step back, no sequence longer than `longest`.
  const char* check(int64_t tokens, int64_t longest) const {
    if (offsets[0] != 0 || offsets[sequences] != tokens) return "cu_seqlens must run from 0 to the number of tokens";
    for (int64_t b = 0; b < sequences; ++b)
      if (length(b) < 0) return "cu_seqlens must not fall";
    return longest_sequence() <= longest ? nullptr : "a sequence is longer than the longest length";
  }
};

}  // namespace nt
