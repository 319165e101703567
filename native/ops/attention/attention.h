// What the launcher of scaled_dot_product_attention and its reference both read out of a call.
#pragma once
#include "ops/check.h"

namespace nt {

enum AttentionInput { kQuery, kKey, kValue, kOffsets, kMask, kBias, kHeadMask };
enum AttentionAttr { kHeads, kKeyHeads, kScale, kCausal, kWindow, kOutputProbs, kLongest };

// Sequences laid end to end: offsets int32 [B + 1].
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

struct AttentionBatch : Sequences {
  int64_t tokens, heads, key_heads, group, d, longest;

  explicit AttentionBatch(const OpCall& call)
      : Sequences(call.in[kOffsets]),
        tokens(call.in[kQuery].shape[0]),
        heads(static_cast<int64_t>(call.attr[kHeads])),
        key_heads(static_cast<int64_t>(call.attr[kKeyHeads])),
        group(heads / key_heads),
        d(call.in[kQuery].shape[1] / heads),
        longest(static_cast<int64_t>(call.attr[kLongest])) {}

  const char* check() const { return Sequences::check(tokens, longest); }
};

const char* attention_reference(OpCall& call);

}  // namespace nt
