// Brings the elements of a strided view side by side, row-major.
#pragma once
#include <cstdint>

#include "core/parallel.h"
#include "core/tensor.h"

namespace nt {

// Elements from the first to the last that a view touches, both counted. Strides are in elements and not negative.
inline int64_t strided_extent(const Shape& shape, const int64_t* strides) {
  int64_t last = 0;
  for (int i = 0; i < shape.rank; ++i) {
    if (shape.dims[i] == 0) return 0;
    last += (shape.dims[i] - 1) * strides[i];
  }
  return last + 1;
}

// A few rows at once, column by column: a matrix that is stored by columns is then read and written along cache lines.
template <class T>
void gather(const T* from, const Shape& shape, const int64_t* strides, T* to, Parallel& parallel) {
  constexpr int64_t kRows = 32;
  if (shape.size() == 0) return;
  const int last = shape.rank - 1;
  const int64_t width = last < 0 ? 1 : shape.dims[last], step = last < 0 ? 0 : strides[last];
  parallel.ranges(shape.size() / width, kRows, [&](int64_t begin, int64_t end, int) {
    int64_t starts[kRows];
    for (int64_t row = begin; row < end; ++row) {
      int64_t start = 0, rest = row;
      for (int i = last - 1; i >= 0; --i) {
        start += rest % shape.dims[i] * strides[i];
        rest /= shape.dims[i];
      }
      starts[row - begin] = start;
    }
    for (int64_t i = 0; i < width; ++i)
      for (int64_t row = begin; row < end; ++row) to[row * width + i] = from[starts[row - begin] + i * step];
  });
}

}  // namespace nt
