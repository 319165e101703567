// What the attention family has compiled for one instruction set.
#pragma once
#include <cstdint>

namespace nt {

constexpr int64_t kNoWindow = -1;

// Queries [first_row, last_row) of one sequence, for the `group` query heads that share one key and value head.
// Pointers stand at the sequence's first token (bias, mask: at its first row) and at the first head of the group.
struct AttentionTask {
  int64_t queries, keys;  // of the sequence; query i stands where key i + keys - queries does
  int64_t d;              // head size
  int64_t group;
  int64_t first_row, last_row;
  const float *q, *k, *v;
  int64_t q_stride, kv_stride;  // from a token to the next; the heads of a group lie d apart in q
  // Which pages of 2^page_shift tokens hold the keys and values, k and v then standing at page 0; or null
  const int32_t* pages;
  int page_shift;
  float scale;
  bool causal;
  int64_t window;       // keys with |i - j| <= window; kNoWindow: all
  const uint8_t* mask;  // 1 = keep; or null
  int64_t mask_stride;  // from a row to the next, 0 when all queries share one
  const float* bias;    // added to scaled scores; or null
  int64_t bias_head_stride, bias_stride;
  const float* head_weight;  // one a head of the group, on the probabilities; or null
  float* out;                // as q
  float* probs;              // or null
  int64_t probs_head_stride, probs_stride, probs_columns;
};

struct AttentionKernels {
  // Floats of scratch that tasks of up to `length` keys and `rows` rows need.
  int64_t (*scratch_floats)(int64_t length, int64_t rows, int64_t d);
  void (*attend)(const AttentionTask& task, float* scratch);
  // scores[j] = scale (q + k_j) · row_j for j below n; row_j lies j rows before `row`, k_j j strides behind k, which
  // may be null.
  void (*distance_row)(const float* q, const float* k, int64_t k_stride, const float* row, int64_t d, float scale,
                       float* scores, int64_t n);
};

}  // namespace nt
