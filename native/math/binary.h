// The arithmetic of elementwise ops of two operands, once: `apply` for the vector classes of native/cpu/simd, `scalar`
// for double and whole numbers (which wrap around). ops/list.def gives each its op.
#pragma once
#include <cstdint>

namespace nt {
namespace math {

// f on each lane, for what has no vector form.
template <class V>
inline V lanes_by(V a, V b, float (*f)(float, float)) {
  float x[V::kLanes], y[V::kLanes];
  a.store(x);
  b.store(y);
  for (int i = 0; i < V::kLanes; ++i) x[i] = f(x[i], y[i]);
  return V::load(x);
}

inline double wrapping(double x) {
  return x;
}
inline uint64_t wrapping(int64_t x) {
  return static_cast<uint64_t>(x);
}
inline uint32_t wrapping(int32_t x) {
  return static_cast<uint32_t>(x);
}

struct Add {
  template <class V>
  static V apply(V a, V b) {
    return a + b;
  }
  template <class T>
  static T scalar(T a, T b) {
    return static_cast<T>(wrapping(a) + wrapping(b));
  }
};
struct Sub {
  template <class V>
  static V apply(V a, V b) {
    return a - b;
  }
  template <class T>
  static T scalar(T a, T b) {
    return static_cast<T>(wrapping(a) - wrapping(b));
  }
};
struct Mul {
  template <class V>
  static V apply(V a, V b) {
    return a * b;
  }
  template <class T>
  static T scalar(T a, T b) {
    return static_cast<T>(wrapping(a) * wrapping(b));
  }
};

// Whole numbers are divided as floats by the launcher, as in PyTorch.
struct Div {
  template <class V>
  static V apply(V a, V b) {
    return a / b;
  }
  static double scalar(double a, double b) { return a / b; }
};

// NaN on either side gives NaN.
struct Maximum {
  template <class V>
  static V apply(V a, V b) {
    return select(a != a, a, max(a, b));
  }
  template <class T>
  static T scalar(T a, T b) {
    return a != a || a > b ? a : b;
  }
};
struct Minimum {
  template <class V>
  static V apply(V a, V b) {
    return select(a != a, a, min(a, b));
  }
  template <class T>
  static T scalar(T a, T b) {
    return a != a || a < b ? a : b;
  }
};

// A negative power of a whole number is 0, but for the bases 1 and -1.
struct Pow {
  template <class V>
  static V apply(V a, V b) {
    return lanes_by(a, b, [](float x, float y) { return __builtin_powf(x, y); });
  }
  static double scalar(double a, double b) { return __builtin_pow(a, b); }
  template <class T>
  static T scalar(T base, T exponent) {
    if (exponent < 0) return base == 1 ? T(1) : base == -1 ? (exponent % 2 ? T(-1) : T(1)) : T(0);
    auto square = wrapping(base);
    auto product = wrapping(T(1));
    for (; exponent; exponent /= 2, square *= square)
      if (exponent % 2) product *= square;
    return static_cast<T>(product);
  }
};

// The remainder with the sign of the divisor. The launcher refuses whole numbers divided by zero.
struct Remainder {
  template <class V>
  static V apply(V a, V b) {
    return lanes_by(a, b, [](float x, float y) {
      const float r = __builtin_fmodf(x, y);
      return r != 0 && (r < 0) != (y < 0) ? r + y : r;
    });
  }
  static double scalar(double a, double b) {
    const double r = __builtin_fmod(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
  template <class T>
  static T scalar(T a, T b) {
    if (b == -1) return 0;  // the smallest number over -1 would overflow
    const T r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
  }
};

}  // namespace math
}  // namespace nt
