// What the elementwise family has compiled for one instruction set.
#pragma once
#include <cstdint>

#include "cpu/simd/element.h"
#include "math/activation.h"
#include "math/binary.h"
#include "math/unary.h"

namespace nt {

enum UnaryOp : int {
#define UNARY(name, Functor) kUnary_##name,
#include "ops/list.def"
  kUnaryCount
};

enum BinaryOp : int {
#define BINARY(name, Functor) kBinary_##name,
#include "ops/list.def"
  kBinaryCount
};

// A step is 1, or 0 for an operand that stays the same.
using UnaryKernel = void (*)(const float* x, float* out, int64_t n);
using BinaryKernel = void (*)(const float* a, int64_t a_step, const float* b, int64_t b_step, float* out, int64_t n);

struct ElementwiseKernels {
  UnaryKernel unary[kUnaryCount];
  BinaryKernel binary[kBinaryCount];
  void (*clamp)(const float* x, float low, float high, float* out, int64_t n);
  // out = activation(x) * gate
  void (*gate)(int activation, const float* x, const float* gate, float* out, int64_t n);
  void (*from_f16)(const F16* x, float* out, int64_t n);
  void (*from_bf16)(const BF16* x, float* out, int64_t n);
  void (*to_f16)(const float* x, F16* out, int64_t n);
  void (*to_bf16)(const float* x, BF16* out, int64_t n);
};

}  // namespace nt
