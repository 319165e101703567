// Ops that only move items; any dtype, by its size.
// permute(x) attrs dims: axis i of the output is axis dims[i] of x.
// slice(x) attrs [dim, start, stop, step]: items start, start + step, … below stop; 0 <= start, step >= 1, stop is cut
//   at the dimension.
// expand(x) attrs the new shape: dimensions of 1 are repeated, new ones stand in front, as torch.Tensor.expand.
// cat(x0, x1, …) attrs [dim]: one behind the other along dim; shapes equal but for it.
// Each of the first three is a walk over the input with other steps: parallel over rows of the output.
#include <cstring>

#include "ops/check.h"

namespace nt {
namespace {

// Output element [i0, i1, …] is input element start + i0 steps[0] + i1 steps[1] + …
struct Walk {
  int64_t start = 0;
  int64_t steps[kMaxRank] = {};
};

void steps_of(const Shape& shape, int64_t* steps) {
  int64_t step = 1;
  for (int d = shape.rank - 1; d >= 0; step *= shape.dims[d--]) steps[d] = step;
}

int64_t offset_of_row(const Shape& out, const Walk& walk, int64_t row) {
  int64_t offset = walk.start;
  for (int d = out.rank - 2; d >= 0; row /= out.dims[d--]) offset += row % out.dims[d] * walk.steps[d];
  return offset;
}

template <class Item>
void gather(OpCall& call, const Walk& walk) {
  const Shape& out = call.out[0].shape;
  const int64_t n = out.rank ? out[-1] : 1, step = out.rank ? walk.steps[out.rank - 1] : 1;
  if (!out.size()) return;
  const Item* from = call.in[0].as<Item>();
  Item* to = call.out[0].as<Item>();
  call.parallel->ranges(out.size() / n, row_grain(n, 8192), [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      const Item* source = from + offset_of_row(out, walk, row);
      if (step == 1)
        std::memcpy(to + row * n, source, static_cast<size_t>(n) * sizeof(Item));
      else
        for (int64_t i = 0; i < n; ++i) to[row * n + i] = source[i * step];
    }
  });
}

const char* gather_items(OpCall& call, const Walk& walk) {
  switch (item_size(call.in[0].dtype)) {
    case 1:
      gather<uint8_t>(call, walk);
      break;
    case 2:
      gather<uint16_t>(call, walk);
      break;
    case 4:
      gather<uint32_t>(call, walk);
      break;
    default:
      gather<uint64_t>(call, walk);
  }
  return nullptr;
}

// Item by item, each place worked out from its index alone.
const char* gather_reference(OpCall& call, const Walk& walk) {
  const Shape& out = call.out[0].shape;
  const size_t item = item_size(call.in[0].dtype);
  for (int64_t i = 0; i < out.size(); ++i) {
    int64_t rest = i, offset = walk.start;
    for (int d = out.rank - 1; d >= 0; rest /= out.dims[d--]) offset += rest % out.dims[d] * walk.steps[d];
    std::memcpy(call.out[0].as<char>() + static_cast<size_t>(i) * item,
                call.in[0].as<char>() + static_cast<size_t>(offset) * item, item);
  }
  return nullptr;
}

const char* permute_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  const Shape& x = call.in[0].shape;
  if (call.n_attr != x.rank) return "needs one axis for each dimension";
  bool seen[kMaxRank] = {};
  call.out[0] = call.in[0];
  for (int i = 0; i < x.rank; ++i) {
    const int d = dimension(x, call.attr[i]);
    if (d < 0 || seen[d]) return "the axes must be a permutation";
    seen[d] = true;
    call.out[0].shape.dims[i] = x.dims[d];
  }
  return nullptr;
}

Walk permute_walk(const OpCall& call) {
  const Shape& x = call.in[0].shape;
  int64_t steps[kMaxRank];
  steps_of(x, steps);
  Walk walk;
  for (int i = 0; i < x.rank; ++i) walk.steps[i] = steps[dimension(x, call.attr[i])];
  return walk;
}

const char* slice_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  if (call.n_attr < 4) return "needs dim, start, stop and step";
  const Shape& x = call.in[0].shape;
  const int d = x.rank ? dimension(x, call.attr[0]) : -1;
  if (d < 0) return "no such dimension";
  if (call.attr[1] < 0 || call.attr[3] < 1) return "start must not be negative, and step at least 1";
  const double extent = static_cast<double>(x.dims[d]);
  const int64_t start = static_cast<int64_t>(call.attr[1] < extent ? call.attr[1] : extent);
  const int64_t stop = static_cast<int64_t>(call.attr[2] < extent ? call.attr[2] : extent);
  const int64_t step = static_cast<int64_t>(call.attr[3]);
  call.out[0] = call.in[0];
  call.out[0].shape.dims[d] = stop > start ? (stop - start + step - 1) / step : 0;
  return nullptr;
}

Walk slice_walk(const OpCall& call) {
  const Shape& x = call.in[0].shape;
  const int d = dimension(x, call.attr[0]);
  Walk walk;
  steps_of(x, walk.steps);
  walk.start = static_cast<int64_t>(call.attr[1]) * walk.steps[d];
  walk.steps[d] *= static_cast<int64_t>(call.attr[3]);
  return walk;
}

const char* expand_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  const Shape& x = call.in[0].shape;
  if (call.n_attr > kMaxRank) return "too many dimensions";
  if (call.n_attr < x.rank) return "the new shape has too few dimensions";
  call.out[0].dtype = call.in[0].dtype;
  Shape& out = call.out[0].shape;
  out = Shape();
  out.rank = call.n_attr;
  for (int d = 0; d < out.rank; ++d) {
    if (call.attr[d] < 0) return "a dimension must not be negative";
    out.dims[d] = static_cast<int64_t>(call.attr[d]);
    const int from = d - (out.rank - x.rank);
    if (from >= 0 && x.dims[from] != 1 && x.dims[from] != out.dims[d]) return "only dimensions of 1 can be expanded";
  }
  return nullptr;
}

Walk expand_walk(const OpCall& call) {
  const Shape &x = call.in[0].shape, &out = call.out[0].shape;
  int64_t steps[kMaxRank];
  steps_of(x, steps);
  Walk walk;
  for (int d = 0; d < x.rank; ++d) walk.steps[out.rank - x.rank + d] = x.dims[d] == 1 ? 0 : steps[d];
  return walk;
}

template <Walk (*walk)(const OpCall&)>
const char* walk_cpu(OpCall& call) {
  return gather_items(call, walk(call));
}
template <Walk (*walk)(const OpCall&)>
const char* walk_reference(OpCall& call) {
  return gather_reference(call, walk(call));
}

const char* cat_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs inputs";
  if (call.n_attr < 1 || !call.in[0].shape.rank) return "no such dimension";
  const int d = dimension(call.in[0].shape, call.attr[0]);
  if (d < 0) return "no such dimension";
  call.out[0] = call.in[0];
  for (int i = 1; i < call.n_in; ++i) {
    if (!has_input(call, i)) return "an input is missing";
    if (call.in[i].dtype != call.in[0].dtype) return "dtypes differ";
    Shape shape = call.in[i].shape;
    if (shape.rank != call.in[0].shape.rank) return "the numbers of dimensions differ";
    call.out[0].shape.dims[d] += shape.dims[d];
    shape.dims[d] = call.in[0].shape.dims[d];
    if (shape != call.in[0].shape) return "shapes differ in another dimension";
  }
  return nullptr;
}

const char* cat_cpu(OpCall& call) {
  const Shape& out = call.out[0].shape;
  const int d = dimension(out, call.attr[0]);
  const Around around(out, d);
  const int64_t item = static_cast<int64_t>(item_size(call.out[0].dtype)), out_bytes = around.n * around.inner * item;
  int64_t behind = 0;
  for (int i = 0; i < call.n_in; ++i) {
    const int64_t bytes = call.in[i].shape.dims[d] * around.inner * item;
    const char* from = call.in[i].as<char>();
    char* to = call.out[0].as<char>() + behind;
    behind += bytes;
    if (!bytes) continue;
    call.parallel->ranges(around.outer, row_grain(bytes, 32768), [=](int64_t begin, int64_t end, int) {
      for (int64_t o = begin; o < end; ++o)
        std::memcpy(to + o * out_bytes, from + o * bytes, static_cast<size_t>(bytes));
    });
  }
  return nullptr;
}

const char* cat_reference(OpCall& call) {
  const int d = dimension(call.out[0].shape, call.attr[0]);
  const Around around(call.out[0].shape, d);
  const size_t item = item_size(call.out[0].dtype);
  char* to = call.out[0].as<char>();
  for (int64_t o = 0; o < around.outer; ++o)
    for (int i = 0; i < call.n_in; ++i)
      for (int64_t e = 0; e < call.in[i].shape.dims[d] * around.inner; ++e, to += item)
        std::memcpy(to,
                    call.in[i].as<char>() + static_cast<size_t>(o * call.in[i].shape.dims[d] * around.inner + e) * item,
                    item);
  return nullptr;
}

}  // namespace

OpDef permute_op() {
  return {"permute", permute_infer, walk_cpu<permute_walk>, walk_reference<permute_walk>, -1};
}
OpDef slice_op() {
  return {"slice", slice_infer, walk_cpu<slice_walk>, walk_reference<slice_walk>, -1};
}
OpDef expand_op() {
  return {"expand", expand_infer, walk_cpu<expand_walk>, walk_reference<expand_walk>, -1};
}
OpDef cat_op() {
  return {"cat", cat_infer, cat_cpu, cat_reference, -1};
}

}  // namespace nt
