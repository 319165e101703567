// embedding(ids, weight, add): rows of a table, plus a tensor that may be left out.
//   inputs  ids: int64 or int32 [...]; weight: float32, float16 or bfloat16 [V, C]; add: float32 [..., C], or left out
//   attrs   none
//   output  float32 [..., C]: weight[ids] + add
// Fails with "index out of range" when an id is below 0 or not below V. Parallel over ids.
#include "ops/weights.h"

namespace nt {
namespace {

const char* embedding_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "needs ids and a weight";
  const TensorView &ids = call.in[0], &weight = call.in[1];
  if (!is_index(ids.dtype)) return "ids must be int64 or int32";
  if (!is_weight(weight.dtype)) return "the weight must be float32, float16 or bfloat16";
  if (weight.shape.rank != 2) return "the weight must have two dimensions";
  if (ids.shape.rank >= kMaxRank) return "too many dimensions";
  Spec& out = call.out[0];
  out.dtype = DType::kF32;
  out.shape = ids.shape;
  out.shape.dims[out.shape.rank++] = weight.shape[1];
  if (has_input(call, 2)) {
    if (call.in[2].dtype != DType::kF32) return "the addend must be float32";
    if (call.in[2].shape != out.shape) return "the addend must have the shape of the result";
  }
  return nullptr;
}

const char* check_range(const TensorView& ids, int64_t rows) {
  for (int64_t i = 0; i < ids.shape.size(); ++i)
    if (index_at(ids, i) < 0 || index_at(ids, i) >= rows) return "index out of range";
  return nullptr;
}

template <class Weight>
void lookup(OpCall& call, void (*row)(const Weight*, const float*, float*, int64_t)) {
  const TensorView& ids = call.in[0];
  const Weight* table = call.in[1].as<Weight>();
  const float* add = has_input(call, 2) ? call.in[2].as<float>() : nullptr;
  float* out = call.out[0].as<float>();
  const int64_t n = call.in[1].shape[1];
  call.parallel->ranges(ids.shape.size(), row_grain(n, 8192), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      row(table + index_at(ids, i) * n, add ? add + i * n : nullptr, out + i * n, n);
  });
}

const char* embedding_cpu(OpCall& call) {
  if (const char* reason = check_range(call.in[0], call.in[1].shape[0])) return reason;
  const EmbeddingKernels& kernels = call.kernels->embedding;
  switch (call.in[1].dtype) {
    case DType::kF16:
      lookup(call, kernels.row_f16);
      break;
    case DType::kBF16:
      lookup(call, kernels.row_bf16);
      break;
    default:
      lookup(call, kernels.row_f32);
  }
  return nullptr;
}

const char* embedding_reference(OpCall& call) {
  if (const char* reason = check_range(call.in[0], call.in[1].shape[0])) return reason;
  const int64_t n = call.in[1].shape[1];
  for (int64_t i = 0; i < call.in[0].shape.size(); ++i)
    for (int64_t c = 0; c < n; ++c) {
      const double add = has_input(call, 2) ? call.in[2].as<float>()[i * n + c] : 0;
      call.out[0].as<float>()[i * n + c] =
          static_cast<float>(weight_at(call.in[1], index_at(call.in[0], i) * n + c) + add);
    }
  return nullptr;
}

}  // namespace

OpDef embedding_op() {
  return {"embedding", embedding_infer, embedding_cpu, embedding_reference, -1};
}

}  // namespace nt
