// What the launcher of scaled_dot_product_attention and its reference both read out of a call.
#pragma once
#include "ops/sequences.h"

namespace nt {

enum AttentionInput { kQuery, kKey, kValue, kOffsets, kMask, kBias, kHeadMask };
enum AttentionAttr { kHeads, kKeyHeads, kScale, kCausal, kWindow, kOutputProbs, kLongest };

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
