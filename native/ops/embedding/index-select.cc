// index_select(x, index): the slices of x along one dimension that `index` names.
//   inputs  x: any dtype; index: int64 or int32 [K]
//   attrs   [dim]
//   output  the shape of x with dim replaced by K, the dtype of x
// An index of -1 gives zeros: packed rows are laid back into a padded batch this way. Any other index outside of the
// dimension fails with "index out of range". Parallel over the slices.
#include <cstring>

#include "ops/check.h"

namespace nt {
namespace {

const char* index_select_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "needs a tensor and an index";
  const TensorView &x = call.in[0], &index = call.in[1];
  if (!is_index(index.dtype)) return "the index must be int64 or int32";
  if (index.shape.rank != 1) return "the index must have one dimension";
  const int dim = call.n_attr < 1 || x.shape.rank < 1 ? -1 : dimension(x.shape, call.attr[0]);
  if (dim < 0) return "no such dimension";
  call.out[0] = x;
  call.out[0].shape.dims[dim] = index.shape[0];
  return nullptr;
}

const char* check_range(const TensorView& index, int64_t extent) {
  for (int64_t i = 0; i < index.shape[0]; ++i)
    if (index_at(index, i) < -1 || index_at(index, i) >= extent) return "index out of range";
  return nullptr;
}

const char* index_select_cpu(OpCall& call) {
  const TensorView &x = call.in[0], &index = call.in[1];
  const Around around(x.shape, dimension(x.shape, call.attr[0]));
  if (const char* reason = check_range(index, around.n)) return reason;
  const int64_t bytes = around.inner * static_cast<int64_t>(item_size(x.dtype)), k = index.shape[0];
  const char* from = x.as<char>();
  char* to = call.out[0].as<char>();
  if (!bytes) return nullptr;
  call.parallel->ranges(around.outer * k, row_grain(bytes, 32768), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t chosen = index_at(index, i % k);
      if (chosen < 0)
        std::memset(to + i * bytes, 0, static_cast<size_t>(bytes));
      else
        std::memcpy(to + i * bytes, from + (i / k * around.n + chosen) * bytes, static_cast<size_t>(bytes));
    }
  });
  return nullptr;
}

const char* index_select_reference(OpCall& call) {
  const TensorView &x = call.in[0], &index = call.in[1];
  const Around around(x.shape, dimension(x.shape, call.attr[0]));
  if (const char* reason = check_range(index, around.n)) return reason;
  const int64_t item = static_cast<int64_t>(item_size(x.dtype));
  char* to = call.out[0].as<char>();
  for (int64_t o = 0; o < around.outer; ++o)
    for (int64_t k = 0; k < index.shape[0]; ++k)
      for (int64_t byte = 0; byte < around.inner * item; ++byte) {
        const int64_t chosen = index_at(index, k);
        *to++ = chosen < 0 ? 0 : x.as<char>()[(o * around.n + chosen) * around.inner * item + byte];
      }
  return nullptr;
}

}  // namespace

OpDef index_select_op() {
  return {"index_select", index_select_infer, index_select_cpu, index_select_reference, -1};
}

}  // namespace nt
