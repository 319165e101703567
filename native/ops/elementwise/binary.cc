// BINARY(name, Functor): out = f(a, b), elementwise, with NumPy's broadcasting.
//   inputs  a: float32, float64, int64 or int32; b: the same dtype, or left out
//   attrs   [scalar, scalar_first] when b is left out: f(a, scalar), or f(scalar, a) where scalar_first is 1
//   output  the broadcast shape and the dtype of a; div of whole numbers gives float32 quotients of floats
// Whole numbers wrap around; remainder of a whole number by zero fails. NaN and infinities as in PyTorch.
#include "cpu/kernels.h"
#include "ops/check.h"
#include "ops/elementwise/broadcast.h"

namespace nt {
namespace {

constexpr int64_t kGrain = 16384;

// Both sides as pointers; a scalar stands in `value`.
template <class T>
struct Operands {
  TensorView views[2];
  T value;
  const T* data[2];

  explicit Operands(OpCall& call) {
    const bool alone = !has_input(call, 1);
    const int tensor_side = alone && call.attr[1] != 0 ? 1 : 0;
    views[tensor_side] = call.in[0];
    if (!alone) views[1] = call.in[1];
    value = alone ? static_cast<T>(call.attr[0]) : T();
    for (int side = 0; side < 2; ++side) data[side] = views[side].present ? views[side].as<T>() : &value;
  }
};

template <class T, class R, class F>
void for_each_pair(OpCall& call, F f) {
  const Operands<T> operands(call);
  const Broadcast walk(call.out[0].shape, operands.views, 2);
  const int64_t a_step = walk.step(0), b_step = walk.step(1);
  R* out = call.out[0].as<R>();
  call.parallel->ranges(call.out[0].shape.size(), kGrain, [&](int64_t begin, int64_t end, int) {
    walk.rows(begin, end, [&](int64_t at, const int64_t* offsets, int64_t n) {
      const T* a = operands.data[0] + offsets[0];
      const T* b = operands.data[1] + offsets[1];
      for (int64_t i = 0; i < n; ++i) out[at + i] = f(a[i * a_step], b[i * b_step]);
    });
  });
}

void floats(OpCall& call, BinaryKernel kernel) {
  const Operands<float> operands(call);
  const Broadcast walk(call.out[0].shape, operands.views, 2);
  float* out = call.out[0].as<float>();
  call.parallel->ranges(call.out[0].shape.size(), kGrain, [&](int64_t begin, int64_t end, int) {
    walk.rows(begin, end, [&](int64_t at, const int64_t* offsets, int64_t n) {
      kernel(operands.data[0] + offsets[0], walk.step(0), operands.data[1] + offsets[1], walk.step(1), out + at, n);
    });
  });
}

template <class T>
bool divisor_has_zero(OpCall& call) {
  const Operands<T> operands(call);
  const int64_t n = operands.views[1].present ? operands.views[1].shape.size() : 1;
  if (!call.out[0].shape.size()) return false;
  for (int64_t i = 0; i < n; ++i)
    if (operands.data[1][i] == 0) return true;
  return false;
}

template <class T, class F>
const char* whole_numbers(OpCall& call) {
  for_each_pair<T, T>(call, [](T a, T b) { return F::template scalar<T>(a, b); });
  return nullptr;
}

// The ops that treat whole numbers in their own way.
template <class F>
struct Whole {
  template <class T>
  static const char* run(OpCall& call) {
    return whole_numbers<T, F>(call);
  }
};
template <>
struct Whole<math::Div> {
  template <class T>
  static const char* run(OpCall& call) {
    for_each_pair<T, float>(call, [](T a, T b) { return static_cast<float>(a) / static_cast<float>(b); });
    return nullptr;
  }
};
template <>
struct Whole<math::Remainder> {
  template <class T>
  static const char* run(OpCall& call) {
    if (divisor_has_zero<T>(call)) return "division by zero";
    return whole_numbers<T, math::Remainder>(call);
  }
};

template <class F>
const char* other_dtypes(OpCall& call) {
  switch (call.in[0].dtype) {
    case DType::kF64:
      for_each_pair<double, double>(call, [](double a, double b) { return F::scalar(a, b); });
      return nullptr;
    case DType::kI64:
      return Whole<F>::template run<int64_t>(call);
    case DType::kI32:
      return Whole<F>::template run<int32_t>(call);
    default:
      return "dtype is not supported";
  }
}

template <int kOp>
const char* binary_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  const DType dtype = call.in[0].dtype;
  if (dtype != DType::kF32 && dtype != DType::kF64 && dtype != DType::kI64 && dtype != DType::kI32)
    return "takes float32, float64, int64 or int32";
  if (has_input(call, 1)) {
    if (call.in[1].dtype != dtype) return "dtypes differ";
  } else if (call.n_attr < 2) {
    return "needs a second input or a scalar";
  }
  const bool whole_quotient = kOp == kBinary_div && !is_float(dtype);
  call.out[0].dtype = whole_quotient ? DType::kF32 : dtype;
  return broadcast_shape(call.in, call.n_in < 2 ? 1 : 2, &call.out[0].shape);
}

template <int kOp, class F>
const char* binary_cpu(OpCall& call) {
  if (call.in[0].dtype != DType::kF32) return other_dtypes<F>(call);
  floats(call, call.kernels->elementwise.binary[kOp]);
  return nullptr;
}

template <class F>
const char* binary_reference(OpCall& call) {
  if (call.in[0].dtype != DType::kF32) return other_dtypes<F>(call);
  for_each_pair<float, float>(call, [](float a, float b) {
    return static_cast<float>(F::scalar(static_cast<double>(a), static_cast<double>(b)));
  });
  return nullptr;
}

}  // namespace

#define BINARY(name, Functor)                                                               \
  OpDef name##_op() {                                                                       \
    return {#name, binary_infer<kBinary_##name>, binary_cpu<kBinary_##name, math::Functor>, \
            binary_reference<math::Functor>, -1};                                           \
  }
#include "ops/list.def"

}  // namespace nt
