// eq ne lt le gt ge, logical_and logical_or: out = a ∘ b, elementwise, with NumPy's broadcasting.
//   inputs  a: float32, float64, int64, int32, uint8 or bool; b: the same dtype, or left out
//   attrs   [scalar, scalar_first] when b is left out, as in binary.cc
//   output  bool of the broadcast shape
// logical_not(x): out = (x == 0), bool.
// A comparison with NaN is false, but for ne; NaN counts as true in the logical ops.
#include "ops/check.h"
#include "ops/elementwise/broadcast.h"

namespace nt {
namespace {

constexpr int64_t kGrain = 8192;

struct Eq {
  template <class T>
  static bool holds(T a, T b) {
    return a == b;
  }
};
struct Ne {
  template <class T>
  static bool holds(T a, T b) {
    return a != b;
  }
};
struct Lt {
  template <class T>
  static bool holds(T a, T b) {
    return a < b;
  }
};
struct Le {
  template <class T>
  static bool holds(T a, T b) {
    return a <= b;
  }
};
struct Gt {
  template <class T>
  static bool holds(T a, T b) {
    return a > b;
  }
};
struct Ge {
  template <class T>
  static bool holds(T a, T b) {
    return a >= b;
  }
};
struct And {
  template <class T>
  static bool holds(T a, T b) {
    return (a != 0) & (b != 0);
  }
};
struct Or {
  template <class T>
  static bool holds(T a, T b) {
    return (a != 0) | (b != 0);
  }
};

template <class F, class T>
const char* compare(OpCall& call) {
  const bool alone = !has_input(call, 1);
  const int first = alone && call.attr[1] != 0 ? 1 : 0;
  const T scalar = alone ? static_cast<T>(call.attr[0]) : T();
  TensorView views[2];
  views[first] = call.in[0];
  if (!alone) views[1] = call.in[1];
  const T* data[2];
  for (int side = 0; side < 2; ++side) data[side] = views[side].present ? views[side].as<T>() : &scalar;
  const Broadcast walk(call.out[0].shape, views, 2);
  const int64_t a_step = walk.step(0), b_step = walk.step(1);
  uint8_t* out = call.out[0].as<uint8_t>();
  call.parallel->ranges(call.out[0].shape.size(), kGrain, [&](int64_t begin, int64_t end, int) {
    walk.rows(begin, end, [&](int64_t at, const int64_t* offsets, int64_t n) {
      const T *a = data[0] + offsets[0], *b = data[1] + offsets[1];
      for (int64_t i = 0; i < n; ++i) out[at + i] = F::holds(a[i * a_step], b[i * b_step]);
    });
  });
  return nullptr;
}

bool is_comparable(DType t) {
  return t == DType::kF32 || t == DType::kF64 || t == DType::kI64 || t == DType::kI32 || t == DType::kU8 ||
         t == DType::kBool;
}

template <class F>
const char* compare_run(OpCall& call) {
  switch (call.in[0].dtype) {
    case DType::kF32:
      return compare<F, float>(call);
    case DType::kF64:
      return compare<F, double>(call);
    case DType::kI64:
      return compare<F, int64_t>(call);
    case DType::kI32:
      return compare<F, int32_t>(call);
    default:
      return compare<F, uint8_t>(call);
  }
}

const char* compare_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  if (!is_comparable(call.in[0].dtype)) return "takes float32, float64, int64, int32, uint8 or bool";
  const bool alone = !has_input(call, 1);
  if (alone && call.n_attr < 2) return "needs a second input or a scalar";
  if (!alone && call.in[1].dtype != call.in[0].dtype) return "dtypes differ";
  call.out[0].dtype = DType::kBool;
  return broadcast_shape(call.in, alone ? 1 : 2, &call.out[0].shape);
}

const char* not_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  if (!is_comparable(call.in[0].dtype)) return "takes float32, float64, int64, int32, uint8 or bool";
  call.out[0] = call.in[0];
  call.out[0].dtype = DType::kBool;
  return nullptr;
}

const char* not_run(OpCall& call) {
  const double zero[2] = {0, 0};
  OpCall against_zero = call;
  against_zero.n_in = 1;
  against_zero.attr = zero;
  against_zero.n_attr = 2;
  return compare_run<Eq>(against_zero);
}

}  // namespace

// These loops are plain and exact: one serves as kernel and as reference.
#define COMPARISON(name, Functor) \
  OpDef name##_op() { return {#name, compare_infer, compare_run<Functor>, compare_run<Functor>, -1}; }
COMPARISON(eq, Eq)
COMPARISON(ne, Ne)
COMPARISON(lt, Lt)
COMPARISON(le, Le)
COMPARISON(gt, Gt)
COMPARISON(ge, Ge)
COMPARISON(logical_and, And)
COMPARISON(logical_or, Or)
#undef COMPARISON

OpDef logical_not_op() {
  return {"logical_not", not_infer, not_run, not_run, -1};
}

}  // namespace nt
