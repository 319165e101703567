#include "cpu/gemm/pack.h"

#include <algorithm>
#include <cstring>

#include "cpu/kernels.h"

namespace nt {
namespace {

// One cache line of 4-byte numbers: the columns of W that are turned at once, so that a line is fetched once even where
// rows lie a power of two apart.
constexpr int64_t kTurn = 16;

// About as many bytes as one chunk of work moves.
constexpr int64_t kChunkBytes = 256 << 10;

template <class T>
void unpack_panel(const T* panel, int64_t columns, int64_t k, int64_t width, T* rows, int64_t row_stride) {
  for (int64_t k0 = 0; k0 < k; k0 += kTurn) {
    const int64_t k1 = std::min(k, k0 + kTurn);
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t i = k0; i < k1; ++i) rows[j * row_stride + i] = panel[i * width + j];
  }
}

template <class T>
void unpack_panel_transposed(const T* panel, int64_t columns, int64_t k, int64_t width, T* rows, int64_t row_stride) {
  for (int64_t i = 0; i < k; ++i) std::copy(panel + i * width, panel + i * width + columns, rows + i * row_stride);
}

// Calls body(first row of W, rows, offset of the panel in elements) for every panel.
template <class Body>
void each_panel(DType dtype, int64_t n, int64_t k, int64_t width, Parallel& parallel, const Body& body) {
  const int64_t panel_elements = k * width;
  if (n <= 0 || k <= 0) return;
  const int64_t grain = std::max<int64_t>(1, kChunkBytes / (panel_elements * static_cast<int64_t>(item_size(dtype))));
  parallel.ranges((n + width - 1) / width, grain, [&](int64_t begin, int64_t end, int) {
    for (int64_t p = begin; p < end; ++p) body(p * width, std::min(width, n - p * width), p * panel_elements);
  });
}

// Permuting needs the size of an element only.
template <class Body>
void with_words(DType dtype, const Body& body) {
  if (item_size(dtype) == 4)
    body(uint32_t());
  else
    body(uint16_t());
}

}  // namespace

int panel_width(const Kernels* kernels) {
  return kernels->matmul.panel_width;
}

bool packable(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

int64_t panel_bytes(DType dtype, int64_t n, int64_t k, int width) {
  return (n + width - 1) / width * width * k * static_cast<int64_t>(item_size(dtype));
}

void pack_panels(const void* from, DType dtype, int64_t n, int64_t k, const Kernels* kernels, void* to,
                 Parallel& parallel) {
  const int64_t item = static_cast<int64_t>(item_size(dtype));
  each_panel(dtype, n, k, panel_width(kernels), parallel, [&](int64_t row, int64_t columns, int64_t offset) {
    kernels->matmul.pack({static_cast<const char*>(from) + row * k * item, k, static_cast<int>(item), false}, columns,
                         k, static_cast<char*>(to) + offset * item);
  });
}

void pack_panels_transposed(const void* from, int64_t row_stride, DType dtype, int64_t n, int64_t k,
                            const Kernels* kernels, void* to, Parallel& parallel) {
  const int64_t item = static_cast<int64_t>(item_size(dtype));
  each_panel(dtype, n, k, panel_width(kernels), parallel, [&](int64_t row, int64_t columns, int64_t offset) {
    kernels->matmul.pack({static_cast<const char*>(from) + row * item, row_stride, static_cast<int>(item), true},
                         columns, k, static_cast<char*>(to) + offset * item);
  });
}

void unpack_panels(const void* from, DType dtype, int64_t n, int64_t k, int width, void* to, Parallel& parallel) {
  with_words(dtype, [&](auto word) {
    using T = decltype(word);
    T* rows = static_cast<T*>(to);
    each_panel(dtype, n, k, width, parallel, [&](int64_t row, int64_t columns, int64_t offset) {
      unpack_panel(static_cast<const T*>(from) + offset, columns, k, width, rows + row * k, k);
    });
  });
}

void unpack_panels_transposed(const void* from, DType dtype, int64_t n, int64_t k, int width, void* to,
                              Parallel& parallel) {
  with_words(dtype, [&](auto word) {
    using T = decltype(word);
    T* rows = static_cast<T*>(to);
    each_panel(dtype, n, k, width, parallel, [&](int64_t row, int64_t columns, int64_t offset) {
      unpack_panel_transposed(static_cast<const T*>(from) + offset, columns, k, width, rows + row, n);
    });
  });
}

}  // namespace nt
