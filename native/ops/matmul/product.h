// What matmul's operands are: matrices, batches of them, or vectors standing for a row or a column.
#pragma once
#include "ops/check.h"
#include "ops/elementwise/broadcast.h"

namespace nt {

struct Product {
  int64_t m = 1, n = 1, k = 0;
  bool transpose_a = false, transpose_b = false;
  TensorView batches[2];  // the batch dimensions of a and b, as if each matrix were one element
  Shape batch;            // both together
  const char* problem = nullptr;

  Product(const TensorView& a, const TensorView& b, const double* attr)
      : transpose_a(attr[0] != 0), transpose_b(attr[1] != 0) {
    if (a.shape.rank < 1 || b.shape.rank < 1) {
      problem = "a scalar is no matrix";
    } else if ((a.shape.rank == 1 && transpose_a) || (b.shape.rank == 1 && transpose_b)) {
      problem = "a vector cannot be transposed";
    } else {
      const int64_t a_last = a.shape[-1], b_last = b.shape[-1];
      const int64_t a_first = a.shape.rank > 1 ? a.shape[-2] : 1, b_first = b.shape.rank > 1 ? b.shape[-2] : b_last;
      m = transpose_a ? a_last : a_first;
      k = transpose_a ? a_first : a_last;
      n = b.shape.rank == 1 ? 1 : transpose_b ? b_first : b_last;
      if (k != (transpose_b ? b_last : b_first)) problem = "inner dimensions differ";
    }
    if (problem) return;
    batches[0] = batch_of(a);
    batches[1] = batch_of(b);
    if (broadcast_shape(batches, 2, &batch)) problem = "batch dimensions do not broadcast";
  }

  int64_t batch_size() const { return batch.size(); }

  // f(batch, number of a's matrix, number of b's matrix)
  template <class F>
  void each_batch(int64_t begin, int64_t end, const F& f) const {
    const Broadcast walk(batch, batches, 2);
    walk.rows(begin, end, [&](int64_t first, const int64_t* offsets, int64_t length) {
      for (int64_t i = 0; i < length; ++i) f(first + i, offsets[0] + i * walk.step(0), offsets[1] + i * walk.step(1));
    });
  }

 private:
  static TensorView batch_of(const TensorView& operand) {
    TensorView batch;
    batch.present = true;
    for (int i = 0; i + 2 < operand.shape.rank; ++i) batch.shape.dims[batch.shape.rank++] = operand.shape.dims[i];
    return batch;
  }
};

}  // namespace nt
