// What the launcher of scaled_dot_product_attention and its reference both read out of a call.
#pragma once
#include "ops/sequences.h"

namespace nt {

enum AttentionInput { kQuery, kKey, kValue, kOffsets, kMask, kBias, kHeadMask, kKeyOffsets, kPages };
enum AttentionAttr { kHeads, kKeyHeads, kScale, kCausal, kWindow, kOutputProbs, kLongest, kLongestKeys, kPageSize };

// The queries are the sequences; each has keys of its own, which are the same tokens unless kKeyOffsets says otherwise.
struct AttentionBatch : Sequences {
  int64_t tokens, heads, key_heads, group, d, longest, longest_keys;
  Sequences keys;
  const int32_t* pages = nullptr;  // [B, pages_per_sequence]
  int64_t pages_per_sequence = 0, page_size = 1;

  explicit AttentionBatch(const OpCall& call)
      : Sequences(call.in[kOffsets]),
        tokens(call.in[kQuery].shape[0]),
        heads(static_cast<int64_t>(call.attr[kHeads])),
        key_heads(static_cast<int64_t>(call.attr[kKeyHeads])),
        group(heads / key_heads),
        d(call.in[kQuery].shape[1] / heads),
        longest(static_cast<int64_t>(call.attr[kLongest])),
        longest_keys(static_cast<int64_t>(call.attr[kLongestKeys])),
        keys(call.in[has_input(call, kKeyOffsets) ? kKeyOffsets : kOffsets]),
        stored_(call.in[kKey].shape[0]),
        causal_(call.attr[kCausal] != 0) {
    if (!has_input(call, kPages)) return;
    pages = call.in[kPages].as<int32_t>();
    pages_per_sequence = call.in[kPages].shape[1];
    page_size = static_cast<int64_t>(call.attr[kPageSize]);
  }

  // The pages of sequence b; null when keys lie one behind the other.
  const int32_t* pages_of(int64_t b) const { return pages ? pages + b * pages_per_sequence : nullptr; }

  // Where key j of sequence b is stored.
  int64_t key_row(int64_t b, int64_t j) const {
    return pages ? pages_of(b)[j / page_size] * page_size + j % page_size : keys.offset(b) + j;
  }

  const char* check() const {
    if (const char* reason = Sequences::check(tokens, longest)) return reason;
    const int64_t last = keys.offset(sequences);
    if (const char* reason = keys.check(pages ? last : stored_, longest_keys)) return reason;
    for (int64_t b = 0; b < sequences; ++b) {
      if (length(b) && !keys.length(b)) return "a sequence has queries but no keys";
      if (causal_ && keys.length(b) < length(b)) return "a causal sequence has fewer keys than queries";
      for (int64_t j = 0; pages && j < keys.length(b); j += page_size) {
        if (j / page_size >= pages_per_sequence) return "a sequence has more keys than pages";
        const int64_t page = pages_of(b)[j / page_size];
        if (page < 0 || (page + 1) * page_size > stored_) return "a page is out of range";
      }
    }
    return nullptr;
  }

 private:
  int64_t stored_;
  bool causal_;
};

const char* attention_reference(OpCall& call);

}  // namespace nt
