// index_copy_(x, index, rows): rows of x replaced in place, as torch.Tensor.index_copy_ along dimension 0.
//   inputs  x: float32 [R, ...], which no other value than the output may be read as from then on where rows are
//           replaced; index: int64 or int32 [K], no number twice; rows: float32 [K, ...]
//   attrs   none
//   output  x itself, with x[index[i]] = rows[i]
// An index outside of x fails with "index out of range", and then nothing is written. Parallel over the rows.
#include <cstring>

#include "ops/check.h"

namespace nt {
namespace {

const char* index_copy_infer(InferCall& call) {
  for (int i = 0; i < 3; ++i)
    if (!has_input(call, i)) return "needs a tensor, an index and rows";
  const TensorView &x = call.in[0], &index = call.in[1], &rows = call.in[2];
  if (x.dtype != DType::kF32 || rows.dtype != DType::kF32) return "x and rows must be float32";
  if (!is_index(index.dtype) || index.shape.rank != 1) return "the index must be int64 or int32 of one dimension";
  if (x.shape.rank < 1 || rows.shape.rank != x.shape.rank) return "x and rows must have as many dimensions";
  Shape wanted = x.shape;
  wanted.dims[0] = index.shape[0];
  if (rows.shape != wanted) return "rows must be one for each index";
  call.out[0] = x;
  return nullptr;
}

const char* check_range(const OpCall& call) {
  const TensorView& index = call.in[1];
  for (int64_t i = 0; i < index.shape[0]; ++i)
    if (index_at(index, i) < 0 || index_at(index, i) >= call.in[0].shape[0]) return "index out of range";
  return nullptr;
}

const char* index_copy_cpu(OpCall& call) {
  if (const char* reason = check_range(call)) return reason;
  const int64_t k = call.in[1].shape[0], n = k ? call.in[2].shape.size() / k : 0;
  const float* rows = call.in[2].as<float>();
  float* out = call.out[0].as<float>();
  call.parallel->ranges(k, row_grain(n, 8192), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(out + index_at(call.in[1], i) * n, rows + i * n, static_cast<size_t>(n) * 4);
  });
  return nullptr;
}

const char* index_copy_reference(OpCall& call) {
  if (const char* reason = check_range(call)) return reason;
  const int64_t k = call.in[1].shape[0];
  for (int64_t i = 0; i < call.in[2].shape.size(); ++i) {
    const int64_t n = call.in[2].shape.size() / k;
    call.out[0].as<float>()[index_at(call.in[1], i / n) * n + i % n] = call.in[2].as<float>()[i];
  }
  return nullptr;
}

}  // namespace

OpDef index_copy__op() {
  return {"index_copy_", index_copy_infer, index_copy_cpu, index_copy_reference, -1, 0};
}

}  // namespace nt
