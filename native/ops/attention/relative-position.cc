// relative_position_scores(q, k, table, cu_seqlens): what the distance of query and key adds to their scaled score.
//   inputs  q, k: float32 [N, H * D]; table: float32, float16 or bfloat16 [2P - 1, D]; cu_seqlens: int32 [B + 1]
//   attrs   [H, mode, P, T]: mode 1 is relative_key, 2 relative_key_query; T not below the longest sequence, nor above
//   P output  float32 [B, H, T, T]: with e = table[i - j + P - 1], q_i e / sqrt(D) in mode 1, (q_i + k_j) e / sqrt(D)
//   in
//           mode 2; zero beyond each sequence
// BERT divides by sqrt(D) after adding these scores; scaled_dot_product_attention adds its bias after scaling, so the
// factor stands here. Parallel over sequences, heads and queries.
// Sources: Shaw et al. 2018, arXiv:1803.02155; Huang et al. 2020, arXiv:2009.13658; Transformers 4.35.2
// models/bert/modeling_bert.py.
#include <cmath>

#include "ops/attention/attention.h"
#include "ops/weights.h"

namespace nt {
namespace {

enum Input { kQueries, kKeys, kTable, kCuSeqlens };

const char* relative_infer(InferCall& call) {
  for (int i = kQueries; i <= kCuSeqlens; ++i)
    if (!has_input(call, i)) return "needs q, k, a table and cu_seqlens";
  if (call.n_attr < 4) return "needs four attributes";
  const TensorView &q = call.in[kQueries], &k = call.in[kKeys], &table = call.in[kTable];
  const int64_t heads = static_cast<int64_t>(call.attr[0]), positions = static_cast<int64_t>(call.attr[2]);
  const int64_t longest = static_cast<int64_t>(call.attr[3]);
  if (q.dtype != DType::kF32 || k.dtype != DType::kF32) return "q and k must be float32";
  if (q.shape.rank != 2 || q.shape != k.shape) return "q and k must have one shape of two dimensions";
  if (heads < 1 || q.shape[1] % heads) return "the width must be the number of heads times the head size";
  if (call.attr[1] != 1 && call.attr[1] != 2) return "the mode must be 1 or 2";
  if (!is_weight(table.dtype) || table.shape.rank != 2 || table.shape[0] != 2 * positions - 1 ||
      table.shape[1] != q.shape[1] / heads)
    return "the table must be [2P - 1, D]";
  if (longest < 0 || longest > positions) return "a sequence has more positions than the table";
  const TensorView& offsets = call.in[kCuSeqlens];
  if (offsets.dtype != DType::kI32 || offsets.shape.rank != 1 || offsets.shape[0] < 1)
    return "cu_seqlens must be int32 [B + 1]";
  call.out[0].dtype = DType::kF32;
  call.out[0].shape = {4, {offsets.shape[0] - 1, heads, longest, longest}};
  return nullptr;
}

// What both implementations read out of a call.
struct Distances {
  Sequences batch;
  int64_t heads, d, positions, longest;
  bool with_key;

  explicit Distances(const OpCall& call)
      : batch(call.in[kCuSeqlens]),
        heads(static_cast<int64_t>(call.attr[0])),
        d(call.in[kTable].shape[1]),
        positions(static_cast<int64_t>(call.attr[2])),
        longest(static_cast<int64_t>(call.attr[3])),
        with_key(call.attr[1] == 2) {}
};

const char* relative_cpu(OpCall& call) {
  const Distances s(call);
  if (const char* reason = s.batch.check(call.in[kQueries].shape[0], s.longest)) return reason;
  const float* table = as_floats(call, kTable);
  if (!table) return "out of memory";
  const int64_t width = s.heads * s.d, t = s.longest;
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.d));
  const auto kernel = call.kernels->attention.distance_row;
  call.parallel->ranges(
      s.batch.sequences * s.heads * t, row_grain(t * s.d, 16384), [&](int64_t begin, int64_t end, int) {
        for (int64_t at = begin; at < end; ++at) {
          const int64_t i = at % t, head = at / t % s.heads, b = at / t / s.heads, n = s.batch.length(b);
          float* out = call.out[0].as<float>() + at * t;
          const int64_t seen = i < n ? n : 0;
          if (seen) {
            const int64_t first = s.batch.offset(b) * width + head * s.d;
            const float* keys = s.with_key ? call.in[kKeys].as<float>() + first : nullptr;
            kernel(call.in[kQueries].as<float>() + first + i * width, keys, width, table + (i + s.positions - 1) * s.d,
                   s.d, scale, out, n);
          }
          for (int64_t j = seen; j < t; ++j) out[j] = 0.0f;
        }
      });
  return nullptr;
}

const char* relative_reference(OpCall& call) {
  const Distances s(call);
  if (const char* reason = s.batch.check(call.in[kQueries].shape[0], s.longest)) return reason;
  const int64_t t = s.longest;
  for (int64_t at = 0; at < call.out[0].shape.size(); ++at) {
    const int64_t j = at % t, i = at / t % t, head = at / t / t % s.heads, b = at / t / t / s.heads;
    double sum = 0;
    if (i < s.batch.length(b) && j < s.batch.length(b))
      for (int64_t c = 0; c < s.d; ++c) {
        const int64_t row = s.batch.offset(b), column = head * s.d + c;
        const double q = call.in[kQueries].as<float>()[(row + i) * s.heads * s.d + column];
        const double k = call.in[kKeys].as<float>()[(row + j) * s.heads * s.d + column];
        sum += (q + (s.with_key ? k : 0)) * weight_at(call.in[kTable], (i - j + s.positions - 1) * s.d + c);
      }
    call.out[0].as<float>()[at] = static_cast<float>(sum / std::sqrt(static_cast<double>(s.d)));
  }
  return nullptr;
}

}  // namespace

OpDef relative_position_scores_op() {
  return {"relative_position_scores", relative_infer, relative_cpu, relative_reference, -1};
}

}  // namespace nt
