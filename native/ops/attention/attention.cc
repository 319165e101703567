// scaled_dot_product_attention(q, k, v, cu_seqlens, mask, bias, head_mask): self-attention of B concatenated sequences.
//   inputs  q: float32 [N, H * D]; k, v: float32 [N, G * D], G a divisor of H; cu_seqlens: int32 [B + 1], where each
//           sequence begins, and N at the end; the following may be left out:
//           mask: bool or uint8 [B, 1 or T, T], 1 = keep; bias: float32 [B or 1, H or 1, T, T]; head_mask: float32 [H]
//   attrs   [H, G, scale, causal, window, output_probs, T]: T not below the longest sequence; a query i sees keys j
//           with |i - j| <= window, 0 being itself alone; window -1 is no limit
//   output  out float32 [N, H * D]; with output_probs also probs float32 [B, H, T, T], zero beyond each sequence
//     probs = softmax(q kᵀ scale + bias + penalty) * head_mask,  out = probs v
// penalty is the lowest float32 where the mask, causality or the window forbid, so that under a mask a query that sees
// nothing is spread evenly over its sequence and is never NaN (Transformers' eager attention). Parallel over sequences,
// key heads and blocks of queries, the largest first. A sequence's numbers do not depend on what else is in the batch.
// Sources: Vaswani et al. 2017, arXiv:1706.03762; grouped queries: Ainslie et al. 2023, arXiv:2305.13245.
#include "ops/attention/attention.h"

#include <algorithm>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

const char* check_mask(const InferCall& call, int64_t batch, int64_t longest) {
  if (!has_input(call, kMask)) return nullptr;
  const TensorView& mask = call.in[kMask];
  if (mask.dtype != DType::kBool && mask.dtype != DType::kU8) return "the mask must be bool or uint8";
  const Shape& s = mask.shape;
  const bool fits = s.rank == 3 && s[0] == batch && (s[1] == 1 || s[1] == longest) && s[2] == longest;
  return fits ? nullptr : "the mask must be [B, 1 or T, T]";
}

const char* check_bias(const InferCall& call, int64_t batch, int64_t heads, int64_t longest) {
  if (!has_input(call, kBias)) return nullptr;
  const TensorView& bias = call.in[kBias];
  if (bias.dtype != DType::kF32) return "the bias must be float32";
  const Shape& s = bias.shape;
  const bool fits =
      s.rank == 4 && (s[0] == 1 || s[0] == batch) && (s[1] == 1 || s[1] == heads) && s[2] == longest && s[3] == longest;
  return fits ? nullptr : "the bias must be [B or 1, H or 1, T, T]";
}

const char* attention_infer(InferCall& call) {
  for (int i = kQuery; i <= kOffsets; ++i)
    if (!has_input(call, i)) return "needs q, k, v and cu_seqlens";
  for (int i = kQuery; i <= kValue; ++i) {
    if (call.in[i].dtype != DType::kF32) return "q, k and v must be float32";
    if (call.in[i].shape.rank != 2) return "q, k and v must have two dimensions";
  }
  if (call.n_attr < 7) return "needs seven attributes";
  const int64_t heads = static_cast<int64_t>(call.attr[kHeads]), groups = static_cast<int64_t>(call.attr[kKeyHeads]);
  const int64_t longest = static_cast<int64_t>(call.attr[kLongest]);
  const Shape &q = call.in[kQuery].shape, &k = call.in[kKey].shape;
  if (heads < 1 || groups < 1 || heads % groups) return "the number of heads must be a multiple of that of key heads";
  if (q[1] % heads || k[1] != q[1] / heads * groups) return "the width must be the number of heads times the head size";
  if (k != call.in[kValue].shape || k[0] != q[0]) return "q, k and v must agree";
  if (!(call.attr[kWindow] >= kNoWindow)) return "the window must be -1, for no limit, or not negative";
  if (longest < 0) return "the longest length must not be negative";
  const TensorView& offsets = call.in[kOffsets];
  if (offsets.dtype != DType::kI32 || offsets.shape.rank != 1 || offsets.shape[0] < 1)
    return "cu_seqlens must be int32 [B + 1]";
  const int64_t batch = offsets.shape[0] - 1;
  if (const char* reason = check_mask(call, batch, longest)) return reason;
  if (const char* reason = check_bias(call, batch, heads, longest)) return reason;
  if (has_input(call, kHeadMask) &&
      (call.in[kHeadMask].dtype != DType::kF32 || call.in[kHeadMask].shape.size() != heads))
    return "the head mask must be float32 [H]";
  call.out[0] = call.in[kQuery];
  call.n_out = 1;
  if (call.attr[kOutputProbs] != 0) {
    call.n_out = 2;
    call.out[1].dtype = DType::kF32;
    call.out[1].shape = {4, {batch, heads, longest, longest}};
  }
  return nullptr;
}

// More queries than this share their packed keys among several tasks, each of which packs its own.
constexpr int64_t kRowsPerTask = 192;

// Tasks are handed out in chunks of at least this many multiply-adds.
constexpr int64_t kChunkCost = 200000;

struct Piece {
  int32_t sequence, key_head;
  int32_t first_row, last_row;
};

class Launch {
 public:
  explicit Launch(OpCall& call) : call_(call), batch_(call) {}

  const char* run() {
    if (const char* reason = batch_.check()) return reason;
    if (!plan()) return "out of memory";
    const AttentionKernels& kernels = call_.kernels->attention;
    const int64_t floats = kernels.scratch_floats(batch_.longest_sequence(), kRowsPerTask, batch_.d);
    const int64_t stride = (floats + 15) / 16 * 16;
    float* scratch = static_cast<float*>(call_.scratch->take(stride * 4 * call_.parallel->workers()));
    if (!scratch) return "out of memory";
    if (call_.n_out > 1) clear_empty_sequences();
    call_.parallel->each(chunks_, [&](int64_t chunk, int worker) {
      for (int64_t i = starts_[chunk]; i < starts_[chunk + 1]; ++i) {
        const AttentionTask task = task_for(pieces_[i]);
        kernels.attend(task, scratch + worker * stride);
        if (task.probs && task.last_row == task.length) clear_rows_behind(task);
      }
    });
    return nullptr;
  }

 private:
  // The pieces, longest sequences first, and where chunks of them begin.
  bool plan() {
    int32_t* order = static_cast<int32_t*>(call_.scratch->take(batch_.sequences * 4));
    if (!order) return false;
    for (int64_t b = 0; b < batch_.sequences; ++b) order[b] = static_cast<int32_t>(b);
    std::sort(order, order + batch_.sequences, [&](int32_t a, int32_t b) {
      return batch_.length(a) != batch_.length(b) ? batch_.length(a) > batch_.length(b) : a < b;
    });
    int64_t count = 0;
    for (int64_t b = 0; b < batch_.sequences; ++b) count += blocks(batch_.length(b)) * batch_.key_heads;
    pieces_ = static_cast<Piece*>(call_.scratch->take(count * static_cast<int64_t>(sizeof(Piece))));
    starts_ = static_cast<int32_t*>(call_.scratch->take((count + 1) * 4));
    if (!pieces_ || !starts_) return false;
    int64_t at = 0, cost = 0;
    for (int64_t b = 0; b < batch_.sequences; ++b) {
      const int64_t length = batch_.length(order[b]), parts = blocks(length);
      for (int64_t i = 0; i < parts * batch_.key_heads; ++i) {
        const int64_t part = i % parts;
        if (!cost) starts_[chunks_++] = static_cast<int32_t>(at);
        pieces_[at++] = {order[b], static_cast<int32_t>(i / parts), static_cast<int32_t>(length * part / parts),
                         static_cast<int32_t>(length * (part + 1) / parts)};
        cost += length * (length / parts) * batch_.d * batch_.group * 2 + 1;
        if (cost >= kChunkCost) cost = 0;
      }
    }
    starts_[chunks_] = static_cast<int32_t>(at);
    return true;
  }

  static int64_t blocks(int64_t length) { return (length + kRowsPerTask - 1) / kRowsPerTask; }

  AttentionTask task_for(const Piece& piece) const {
    const int64_t b = piece.sequence, first = batch_.offset(b), head = piece.key_head * batch_.group;
    const int64_t t = batch_.longest, d = batch_.d;
    AttentionTask task = {};
    task.length = batch_.length(b);
    task.d = d;
    task.group = batch_.group;
    task.first_row = piece.first_row;
    task.last_row = piece.last_row;
    task.q_stride = batch_.heads * d;
    task.kv_stride = batch_.key_heads * d;
    task.q = call_.in[kQuery].as<float>() + first * task.q_stride + head * d;
    task.k = call_.in[kKey].as<float>() + first * task.kv_stride + piece.key_head * d;
    task.v = call_.in[kValue].as<float>() + first * task.kv_stride + piece.key_head * d;
    task.out = call_.out[0].as<float>() + first * task.q_stride + head * d;
    task.scale = static_cast<float>(call_.attr[kScale]);
    task.causal = call_.attr[kCausal] != 0;
    task.window = static_cast<int64_t>(call_.attr[kWindow]);
    if (has_input(call_, kMask)) {
      const int64_t rows = call_.in[kMask].shape[1];
      task.mask = call_.in[kMask].as<uint8_t>() + b * rows * t;
      task.mask_stride = rows == 1 ? 0 : t;
    }
    if (has_input(call_, kBias)) {
      const Shape& s = call_.in[kBias].shape;
      task.bias_head_stride = s[1] == 1 ? 0 : t * t;
      task.bias_stride = t;
      task.bias = call_.in[kBias].as<float>() + (s[0] == 1 ? 0 : b * s[1] * t * t) + head * task.bias_head_stride;
    }
    if (has_input(call_, kHeadMask)) task.head_weight = call_.in[kHeadMask].as<float>() + head;
    if (call_.n_out > 1) {
      task.probs = call_.out[1].as<float>() + (b * batch_.heads + head) * t * t;
      task.probs_head_stride = t * t;
      task.probs_stride = task.probs_columns = t;
    }
    return task;
  }

  // They have no task.
  void clear_empty_sequences() const {
    const int64_t size = batch_.heads * batch_.longest * batch_.longest;
    float* probs = call_.out[1].as<float>();
    for (int64_t b = 0; b < batch_.sequences; ++b)
      if (!batch_.length(b)) std::fill(probs + b * size, probs + (b + 1) * size, 0.0f);
  }

  void clear_rows_behind(const AttentionTask& task) const {
    for (int64_t head = 0; head < task.group; ++head) {
      float* probs = task.probs + head * task.probs_head_stride;
      std::fill(probs + task.length * task.probs_stride, probs + task.probs_head_stride, 0.0f);
    }
  }

  OpCall& call_;
  AttentionBatch batch_;
  Piece* pieces_ = nullptr;
  int32_t* starts_ = nullptr;
  int64_t chunks_ = 0;
};

const char* attention_cpu(OpCall& call) {
  return Launch(call).run();
}

}  // namespace

OpDef scaled_dot_product_attention_op() {
  return {"scaled_dot_product_attention", attention_infer, attention_cpu, attention_reference, -1};
}

}  // namespace nt
