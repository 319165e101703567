// scaled_dot_product_attention(q, k, v, cu_seqlens, mask, bias, head_mask, cu_seqlens_k, pages): attention of B
// concatenated sequences of queries, each over keys of its own.
//   inputs  q: float32 [N, H * D]; k, v: float32 [M, G * D], G a divisor of H; cu_seqlens: int32 [B + 1], where each
//           sequence begins, and N at the end; the following may be left out:
//           mask: bool or uint8 [B, 1 or T, S], 1 = keep; bias: float32 [B or 1, H or 1, T, S]; head_mask: float32 [H];
//           cu_seqlens_k: int32 [B + 1], likewise for the keys; left out, the keys are those of the queries' tokens;
//           pages: int32 [B, P], needs cu_seqlens_k: key j of sequence b is row pages[b, j / Z] * Z + j % Z of k and v
//   attrs   [H, G, scale, causal, window, output_probs, T, S, Z]: T not below the longest sequence of queries, S not
//           below that of keys; a query at i sees keys j with |i - j| <= window, 0 being itself alone; window -1 is no
//           limit; Z, a power of two, is the number of tokens in a page. The queries are the last of their sequence:
//           query 0 stands at keys - queries
//   output  out float32 [N, H * D]; with output_probs also probs float32 [B, H, T, S], zero beyond each sequence
//     probs = softmax(q kᵀ scale + bias + penalty) * head_mask,  out = probs v
// penalty is the lowest float32 where the mask, causality or the window forbid, so that under a mask a query that sees
// nothing is spread evenly over its sequence and is never NaN (Transformers' eager attention). Parallel over sequences,
// key heads and blocks of queries, the largest first. A sequence's numbers do not depend on what else is in the batch.
// Sources: Vaswani et al. 2017, arXiv:1706.03762; grouped queries: Ainslie et al. 2023, arXiv:2305.13245; pages: Kwon
// et al. 2023, arXiv:2309.06180.
#include "ops/attention/attention.h"

#include <algorithm>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

const char* check_mask(const InferCall& call, int64_t batch, int64_t longest, int64_t keys) {
  if (!has_input(call, kMask)) return nullptr;
  const TensorView& mask = call.in[kMask];
  if (mask.dtype != DType::kBool && mask.dtype != DType::kU8) return "the mask must be bool or uint8";
  const Shape& s = mask.shape;
  const bool fits = s.rank == 3 && s[0] == batch && (s[1] == 1 || s[1] == longest) && s[2] == keys;
  return fits ? nullptr : "the mask must be [B, 1 or T, S]";
}

const char* check_bias(const InferCall& call, int64_t batch, int64_t heads, int64_t longest, int64_t keys) {
  if (!has_input(call, kBias)) return nullptr;
  const TensorView& bias = call.in[kBias];
  if (bias.dtype != DType::kF32) return "the bias must be float32";
  const Shape& s = bias.shape;
  const bool fits =
      s.rank == 4 && (s[0] == 1 || s[0] == batch) && (s[1] == 1 || s[1] == heads) && s[2] == longest && s[3] == keys;
  return fits ? nullptr : "the bias must be [B or 1, H or 1, T, S]";
}

const char* check_keys(const InferCall& call, int64_t batch) {
  const Shape &q = call.in[kQuery].shape, &k = call.in[kKey].shape;
  if (!has_input(call, kKeyOffsets)) {
    if (has_input(call, kPages)) return "pages need cu_seqlens_k";
    if (call.attr[kLongestKeys] != call.attr[kLongest]) return "without cu_seqlens_k there are as many keys as queries";
    return k[0] == q[0] ? nullptr : "q, k and v must agree";
  }
  const TensorView& offsets = call.in[kKeyOffsets];
  if (offsets.dtype != DType::kI32 || offsets.shape.rank != 1 || offsets.shape[0] != batch + 1)
    return "cu_seqlens_k must be int32 [B + 1]";
  if (!has_input(call, kPages)) return nullptr;
  const TensorView& pages = call.in[kPages];
  if (pages.dtype != DType::kI32 || pages.shape.rank != 2 || pages.shape[0] != batch)
    return "pages must be int32 [B, P]";
  const int64_t size = static_cast<int64_t>(call.attr[kPageSize]);
  return size >= 1 && !(size & (size - 1)) ? nullptr : "the tokens of a page must be a power of two";
}

const char* attention_infer(InferCall& call) {
  for (int i = kQuery; i <= kOffsets; ++i)
    if (!has_input(call, i)) return "needs q, k, v and cu_seqlens";
  for (int i = kQuery; i <= kValue; ++i) {
    if (call.in[i].dtype != DType::kF32) return "q, k and v must be float32";
    if (call.in[i].shape.rank != 2) return "q, k and v must have two dimensions";
  }
  if (call.n_attr < 9) return "needs nine attributes";
  const int64_t heads = static_cast<int64_t>(call.attr[kHeads]), groups = static_cast<int64_t>(call.attr[kKeyHeads]);
  const int64_t longest = static_cast<int64_t>(call.attr[kLongest]);
  const int64_t keys = static_cast<int64_t>(call.attr[kLongestKeys]);
  const Shape &q = call.in[kQuery].shape, &k = call.in[kKey].shape;
  if (heads < 1 || groups < 1 || heads % groups) return "the number of heads must be a multiple of that of key heads";
  if (q[1] % heads || k[1] != q[1] / heads * groups) return "the width must be the number of heads times the head size";
  if (k != call.in[kValue].shape) return "q, k and v must agree";
  if (!(call.attr[kWindow] >= kNoWindow)) return "the window must be -1, for no limit, or not negative";
  if (longest < 0 || keys < 0) return "the longest length must not be negative";
  const TensorView& offsets = call.in[kOffsets];
  if (offsets.dtype != DType::kI32 || offsets.shape.rank != 1 || offsets.shape[0] < 1)
    return "cu_seqlens must be int32 [B + 1]";
  const int64_t batch = offsets.shape[0] - 1;
  if (const char* reason = check_keys(call, batch)) return reason;
  if (const char* reason = check_mask(call, batch, longest, keys)) return reason;
  if (const char* reason = check_bias(call, batch, heads, longest, keys)) return reason;
  if (has_input(call, kHeadMask) &&
      (call.in[kHeadMask].dtype != DType::kF32 || call.in[kHeadMask].shape.size() != heads))
    return "the head mask must be float32 [H]";
  call.out[0] = call.in[kQuery];
  call.n_out = 1;
  if (call.attr[kOutputProbs] != 0) {
    call.n_out = 2;
    call.out[1].dtype = DType::kF32;
    call.out[1].shape = {4, {batch, heads, longest, keys}};
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
    const int64_t floats = kernels.scratch_floats(batch_.keys.longest_sequence(), kRowsPerTask, batch_.d);
    const int64_t stride = (floats + 15) / 16 * 16;
    float* scratch = static_cast<float*>(call_.scratch->take(stride * 4 * call_.parallel->workers()));
    if (!scratch) return "out of memory";
    if (call_.n_out > 1) clear_empty_sequences();
    call_.parallel->each(chunks_, [&](int64_t chunk, int worker) {
      for (int64_t i = starts_[chunk]; i < starts_[chunk + 1]; ++i) {
        const AttentionTask task = task_for(pieces_[i]);
        kernels.attend(task, scratch + worker * stride);
        if (task.probs && task.last_row == task.queries) clear_rows_behind(task);
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
      const int64_t of_a = batch_.length(a) * batch_.keys.length(a), of_b = batch_.length(b) * batch_.keys.length(b);
      return of_a != of_b ? of_a > of_b : a < b;
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
        cost += batch_.keys.length(order[b]) * (length / parts) * batch_.d * batch_.group * 2 + 1;
        if (cost >= kChunkCost) cost = 0;
      }
    }
    starts_[chunks_] = static_cast<int32_t>(at);
    return true;
  }

  static int64_t blocks(int64_t length) { return (length + kRowsPerTask - 1) / kRowsPerTask; }

  AttentionTask task_for(const Piece& piece) const {
    const int64_t b = piece.sequence, first = batch_.offset(b), head = piece.key_head * batch_.group;
    const int64_t t = batch_.longest, columns = batch_.longest_keys, d = batch_.d;
    const int64_t first_key = batch_.pages ? 0 : batch_.keys.offset(b);
    AttentionTask task = {};
    task.queries = batch_.length(b);
    task.keys = batch_.keys.length(b);
    task.d = d;
    task.group = batch_.group;
    task.first_row = piece.first_row;
    task.last_row = piece.last_row;
    task.q_stride = batch_.heads * d;
    task.kv_stride = batch_.key_heads * d;
    task.q = call_.in[kQuery].as<float>() + first * task.q_stride + head * d;
    task.k = call_.in[kKey].as<float>() + first_key * task.kv_stride + piece.key_head * d;
    task.v = call_.in[kValue].as<float>() + first_key * task.kv_stride + piece.key_head * d;
    task.pages = batch_.pages_of(b);
    while ((int64_t(1) << task.page_shift) < batch_.page_size) ++task.page_shift;
    task.out = call_.out[0].as<float>() + first * task.q_stride + head * d;
    task.scale = static_cast<float>(call_.attr[kScale]);
    task.causal = call_.attr[kCausal] != 0;
    task.window = static_cast<int64_t>(call_.attr[kWindow]);
    if (has_input(call_, kMask)) {
      const int64_t rows = call_.in[kMask].shape[1];
      task.mask = call_.in[kMask].as<uint8_t>() + b * rows * columns;
      task.mask_stride = rows == 1 ? 0 : columns;
    }
    if (has_input(call_, kBias)) {
      const Shape& s = call_.in[kBias].shape;
      task.bias_head_stride = s[1] == 1 ? 0 : t * columns;
      task.bias_stride = columns;
      task.bias = call_.in[kBias].as<float>() + (s[0] == 1 ? 0 : b * s[1] * t * columns) + head * task.bias_head_stride;
    }
    if (has_input(call_, kHeadMask)) task.head_weight = call_.in[kHeadMask].as<float>() + head;
    if (call_.n_out > 1) {
      task.probs = call_.out[1].as<float>() + (b * batch_.heads + head) * t * columns;
      task.probs_head_stride = t * columns;
      task.probs_stride = task.probs_columns = columns;
    }
    return task;
  }

  // They have no task.
  void clear_empty_sequences() const {
    const int64_t size = batch_.heads * batch_.longest * batch_.longest_keys;
    float* probs = call_.out[1].as<float>();
    for (int64_t b = 0; b < batch_.sequences; ++b)
      if (!batch_.length(b)) std::fill(probs + b * size, probs + (b + 1) * size, 0.0f);
  }

  void clear_rows_behind(const AttentionTask& task) const {
    for (int64_t head = 0; head < task.group; ++head) {
      float* probs = task.probs + head * task.probs_head_stride;
      std::fill(probs + task.queries * task.probs_stride, probs + task.probs_head_stride, 0.0f);
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
