// Small questions that infer functions ask.
#pragma once
#include "ops/op.h"

namespace nt {

inline bool has_input(const TensorView* in, int n_in, int i) {
  return i < n_in && in[i].present;
}
inline bool has_input(const InferCall& call, int i) {
  return has_input(call.in, call.n_in, i);
}
inline bool has_input(const OpCall& call, int i) {
  return has_input(call.in, call.n_in, i);
}

inline bool is_index(DType t) {
  return t == DType::kI64 || t == DType::kI32;
}
inline bool is_weight(DType t) {
  return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16;
}

// The index attribute as a dimension of the shape, counted from the end when negative; -1 when there is none such.
inline int dimension(const Shape& shape, double attr) {
  const int rank = shape.rank ? shape.rank : 1;  // a scalar has the dimensions 0 and -1, as in PyTorch
  if (!(attr >= -rank && attr < rank)) return -1;
  const int d = static_cast<int>(attr);
  return d < 0 ? d + rank : d;
}

// A tensor seen as [outer, n, inner] around dimension d.
struct Around {
  int64_t outer = 1, n = 1, inner = 1;

  Around(const Shape& shape, int d) {
    for (int i = 0; i < d; ++i) outer *= shape.dims[i];
    if (d < shape.rank) n = shape.dims[d];
    for (int i = d + 1; i < shape.rank; ++i) inner *= shape.dims[i];
  }
};

inline int64_t index_at(const TensorView& index, int64_t i) {
  return index.dtype == DType::kI64 ? index.as<int64_t>()[i] : index.as<int32_t>()[i];
}

// Rows of n elements each that make a chunk worth handing to a thread.
inline int64_t row_grain(int64_t n, int64_t elements) {
  return n >= elements ? 1 : elements / (n ? n : 1);
}

}  // namespace nt
