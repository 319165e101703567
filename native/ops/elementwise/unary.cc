// UNARY(name, Functor): out = f(x), elementwise.
//   inputs  x: float32 or float64, any shape; abs, neg, sign, square, round, floor and ceil also int64 and int32
//   attrs   none
//   output  the shape and dtype of x
// Float32 runs the functor of native/math/unary.h over vectors; float64 the C library's functions. NaN and infinities
// as in PyTorch. Whole numbers wrap around.
#include "cpu/kernels.h"
#include "ops/check.h"
#include "ops/elementwise/exact.h"

namespace nt {
namespace {

constexpr int64_t kGrain = 8192;

using WholeUnary = int64_t (*)(int64_t);

int64_t whole_abs(int64_t x) {
  return x < 0 ? static_cast<int64_t>(-static_cast<uint64_t>(x)) : x;
}
int64_t whole_neg(int64_t x) {
  return static_cast<int64_t>(-static_cast<uint64_t>(x));
}
int64_t whole_sign(int64_t x) {
  return (x > 0) - (x < 0);
}
int64_t whole_square(int64_t x) {
  return static_cast<int64_t>(static_cast<uint64_t>(x) * static_cast<uint64_t>(x));
}
int64_t whole_itself(int64_t x) {
  return x;
}

// The op on whole numbers, or null where it has no meaning there.
WholeUnary whole_unary(int op) {
  switch (op) {
    case kUnary_abs:
      return whole_abs;
    case kUnary_neg:
      return whole_neg;
    case kUnary_sign:
      return whole_sign;
    case kUnary_square:
      return whole_square;
    case kUnary_round:
    case kUnary_floor:
    case kUnary_ceil:
      return whole_itself;
    default:
      return nullptr;
  }
}

template <class T, class F>
const char* map(OpCall& call, F f) {
  const T* x = call.in[0].as<T>();
  T* out = call.out[0].as<T>();
  call.parallel->ranges(call.in[0].shape.size(), kGrain, [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(f(x[i]));
  });
  return nullptr;
}

const char* other_dtypes(OpCall& call, int op) {
  switch (call.in[0].dtype) {
    case DType::kF64:
      return map<double>(call, exact_unary(op));
    case DType::kI64:
      return map<int64_t>(call, whole_unary(op));
    case DType::kI32:
      return map<int32_t>(call, whole_unary(op));
    default:
      return "dtype is not supported";
  }
}

template <int kOp>
const char* unary_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs one input";
  const DType dtype = call.in[0].dtype;
  const bool whole = dtype == DType::kI64 || dtype == DType::kI32;
  if (whole && !whole_unary(kOp)) return "takes float32 or float64";
  if (!whole && dtype != DType::kF32 && dtype != DType::kF64)
    return whole_unary(kOp) ? "takes float32, float64, int64 or int32" : "takes float32 or float64";
  call.out[0] = call.in[0];
  return nullptr;
}

template <int kOp>
const char* unary_cpu(OpCall& call) {
  if (call.in[0].dtype != DType::kF32) return other_dtypes(call, kOp);
  const UnaryKernel kernel = call.kernels->elementwise.unary[kOp];
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  call.parallel->ranges(call.in[0].shape.size(), kGrain,
                        [=](int64_t begin, int64_t end, int) { kernel(x + begin, out + begin, end - begin); });
  return nullptr;
}

template <int kOp>
const char* unary_reference(OpCall& call) {
  if (call.in[0].dtype != DType::kF32) return other_dtypes(call, kOp);
  const float* x = call.in[0].as<float>();
  for (int64_t i = 0; i < call.in[0].shape.size(); ++i)
    call.out[0].as<float>()[i] = static_cast<float>(exact_unary(kOp)(x[i]));
  return nullptr;
}

}  // namespace

#define UNARY(name, Functor)                                                                                  \
  OpDef name##_op() {                                                                                         \
    return {#name, unary_infer<kUnary_##name>, unary_cpu<kUnary_##name>, unary_reference<kUnary_##name>, -1}; \
  }
#include "ops/list.def"

}  // namespace nt
