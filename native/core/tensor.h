// What a kernel sees of a tensor: an address, a type and a shape. Row-major and contiguous always.
#pragma once
#include <cstdint>

#include "core/dtype.h"

namespace nt {

constexpr int kMaxRank = 8;

struct Shape {
  int rank = 0;
  int64_t dims[kMaxRank] = {};

  int64_t operator[](int i) const { return dims[i < 0 ? rank + i : i]; }
  int64_t& operator[](int i) { return dims[i < 0 ? rank + i : i]; }
  int64_t size() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= dims[i];
    return n;
  }
  bool operator==(const Shape& other) const {
    if (rank != other.rank) return false;
    for (int i = 0; i < rank; ++i)
      if (dims[i] != other.dims[i]) return false;
    return true;
  }
  bool operator!=(const Shape& other) const { return !(*this == other); }
};

struct Spec {
  DType dtype = DType::kF32;
  Shape shape;

  int64_t bytes() const { return shape.size() * static_cast<int64_t>(item_size(dtype)); }
};

// False when the bytes would pass every machine's memory, or their number an int64.
inline bool fits_memory(const Spec& spec) {
  constexpr double kMost = 9007199254740992.0;  // 2^53: what JS can count
  double bytes = static_cast<double>(item_size(spec.dtype));
  for (int i = 0; i < spec.shape.rank; ++i) {
    if (spec.shape.dims[i] < 0) return false;
    if (spec.shape.dims[i] > 1) bytes *= static_cast<double>(spec.shape.dims[i]);
  }
  return bytes < kMost;
}

// An input that the caller left out has `present == false`.
// A parameter that is a GEMM operand may be held as panels: `panel` is then set (see cpu/gemm), and `data` is null
// unless it is a lookup table too.
struct TensorView : Spec {
  void* data = nullptr;
  const void* panel = nullptr;
  int panel_width = 0;
  bool panel_transposed = false;  // the panels are those of the transposed matrix
  bool present = false;

  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

}  // namespace nt
