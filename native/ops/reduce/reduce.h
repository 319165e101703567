// What the reductions share: one dimension, or all of them at once.
#pragma once
#include "ops/check.h"

namespace nt {

constexpr double kAllDimensions = -1000;

// x as [outer, n, inner], n the elements that become one.
inline Around reduced(const Shape& shape, double dim) {
  if (dim == kAllDimensions) {
    Around all(Shape(), 0);
    all.n = shape.size();
    return all;
  }
  return Around(shape, dimension(shape, dim));
}

// The shape that is left. Null when all is well.
inline const char* reduced_shape(const Shape& x, double dim, bool keepdim, Shape* out) {
  *out = Shape();
  if (dim == kAllDimensions) {
    out->rank = keepdim ? x.rank : 0;
    for (int d = 0; d < out->rank; ++d) out->dims[d] = 1;
    return nullptr;
  }
  const int reduced = dimension(x, dim);
  if (reduced < 0) return "no such dimension";
  for (int d = 0; d < x.rank; ++d) {
    if (d != reduced)
      out->dims[out->rank++] = x.dims[d];
    else if (keepdim)
      out->dims[out->rank++] = 1;
  }
  return nullptr;
}

// f(first element, distance to the next) of a slice of n elements, for each of them in the order of the output.
template <class F>
inline void for_slices(Parallel* parallel, const Around& around, const F& f) {
  parallel->ranges(around.outer * around.inner, row_grain(around.n, 8192), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) f(i, i / around.inner * around.n * around.inner + i % around.inner);
  });
}

}  // namespace nt
