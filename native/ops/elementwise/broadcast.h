// NumPy's broadcasting: shapes are aligned at their ends and a dimension of 1 is repeated.
#pragma once
#include "core/tensor.h"

namespace nt {

constexpr int kMaxOperands = 3;

// The shape of all operands together. Null when all is well.
inline const char* broadcast_shape(const TensorView* operands, int n, Shape* out) {
  *out = Shape();
  for (int o = 0; o < n; ++o)
    if (operands[o].present && operands[o].shape.rank > out->rank) out->rank = operands[o].shape.rank;
  for (int d = -1; d >= -out->rank; --d) {
    (*out)[d] = 1;
    for (int o = 0; o < n; ++o) {
      if (!operands[o].present || operands[o].shape.rank < -d || operands[o].shape[d] == 1) continue;
      const int64_t extent = operands[o].shape[d];
      if ((*out)[d] != 1 && (*out)[d] != extent) return "shapes do not broadcast";
      (*out)[d] = extent;
    }
  }
  return nullptr;
}

// A walk over the output in rows: inside a row each operand advances by a step of 0 or more elements.
class Broadcast {
 public:
  // An operand that is not present stays at offset 0 with step 0.
  Broadcast(const Shape& out, const TensorView* operands, int n) : operands_(n) {
    rank_ = 0;
    for (int d = 0; d < out.rank; ++d) {
      if (out.dims[d] == 1) continue;
      int64_t steps[kMaxOperands];
      for (int o = 0; o < n; ++o) steps[o] = operands[o].present ? step(operands[o].shape, d - out.rank) : 0;
      if (!merge(out.dims[d], steps)) append(out.dims[d], steps);
    }
    if (!rank_) {
      const int64_t still[kMaxOperands] = {};
      append(1, still);
    }
  }

  int64_t step(int operand) const { return steps_[rank_ - 1][operand]; }

  // f(position, offsets, length) for every row, or part of one, of the output's elements [begin, end).
  template <class F>
  void rows(int64_t begin, int64_t end, const F& f) const {
    const int64_t row = dims_[rank_ - 1];
    while (begin < end) {
      int64_t offsets[kMaxOperands] = {};
      int64_t rest = begin / row;
      const int64_t column = begin % row;
      for (int o = 0; o < operands_; ++o) offsets[o] = column * steps_[rank_ - 1][o];
      for (int d = rank_ - 2; d >= 0; rest /= dims_[d--])
        for (int o = 0; o < operands_; ++o) offsets[o] += rest % dims_[d] * steps_[d][o];
      const int64_t length = row - column < end - begin ? row - column : end - begin;
      f(begin, offsets, length);
      begin += length;
    }
  }

 private:
  // Elements from one index to the next along dimension d (counted from the end).
  static int64_t step(const Shape& shape, int d) {
    if (-d > shape.rank || shape[d] == 1) return 0;
    int64_t n = 1;
    for (int i = -1; i > d; --i) n *= shape[i];
    return n;
  }

  // Two neighbouring dimensions are one when every operand walks through them evenly.
  bool merge(int64_t extent, const int64_t* steps) {
    if (!rank_) return false;
    for (int o = 0; o < operands_; ++o)
      if (steps_[rank_ - 1][o] != steps[o] * extent) return false;
    dims_[rank_ - 1] *= extent;
    for (int o = 0; o < operands_; ++o) steps_[rank_ - 1][o] = steps[o];
    return true;
  }
  void append(int64_t extent, const int64_t* steps) {
    dims_[rank_] = extent;
    for (int o = 0; o < operands_; ++o) steps_[rank_][o] = steps[o];
    ++rank_;
  }

  int operands_, rank_;
  int64_t dims_[kMaxRank];
  int64_t steps_[kMaxRank][kMaxOperands];
};

}  // namespace nt
