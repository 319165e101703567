// The arithmetic of elementwise ops of one operand, once: each functor works on any vector class V of native/cpu/simd.
// ops/list.def gives each its op; formulas in double precision stand in ops/elementwise/reference.cc.
#pragma once
#include "math/exp.h"
#include "math/log.h"
#include "math/normal.h"
#include "math/trig.h"

namespace nt {
namespace math {

// min and max give their second operand where one is NaN, so the variable stands second and NaN passes through.
template <class V>
inline V clip(V x, float low, float high) {
  return min(V(high), max(V(low), x));
}

struct Abs {
  template <class V>
  static V apply(V x) {
    return abs(x);
  }
};
struct Neg {
  template <class V>
  static V apply(V x) {
    return -x;
  }
};
struct Exp {
  template <class V>
  static V apply(V x) {
    return exp(x);
  }
};
struct Log {
  template <class V>
  static V apply(V x) {
    return log(x);
  }
};
struct Log1p {
  template <class V>
  static V apply(V x) {
    return log1p(x);
  }
};
struct Sqrt {
  template <class V>
  static V apply(V x) {
    return sqrt(x);
  }
};
struct Rsqrt {
  template <class V>
  static V apply(V x) {
    return V(1.0f) / sqrt(x);
  }
};
struct Square {
  template <class V>
  static V apply(V x) {
    return x * x;
  }
};
struct Reciprocal {
  template <class V>
  static V apply(V x) {
    return V(1.0f) / x;
  }
};
struct Erf {
  template <class V>
  static V apply(V x) {
    return erf(x);
  }
};
struct Sin {
  template <class V>
  static V apply(V x) {
    return sin(x);
  }
};
struct Cos {
  template <class V>
  static V apply(V x) {
    return cos(x);
  }
};
struct Round {
  template <class V>
  static V apply(V x) {
    return round(x);
  }
};
struct Floor {
  template <class V>
  static V apply(V x) {
    return floor(x);
  }
};
struct Ceil {
  template <class V>
  static V apply(V x) {
    return -floor(-x);
  }
};
struct Sign {  // 0 for zeros and NaN
  template <class V>
  static V apply(V x) {
    return select(x > V(0.0f), V(1.0f), select(x < V(0.0f), V(-1.0f), V(0.0f)));
  }
};
struct Tanh {
  template <class V>
  static V apply(V x) {
    return tanh(x);
  }
};
struct Sigmoid {
  template <class V>
  static V apply(V x) {
    return sigmoid(x);
  }
};
struct Softplus {
  template <class V>
  static V apply(V x) {
    return softplus(x);
  }
};
struct Relu {
  template <class V>
  static V apply(V x) {
    return max(V(0.0f), x);
  }
};
struct Relu2 {
  template <class V>
  static V apply(V x) {
    const V positive = Relu::apply(x);
    return positive * positive;
  }
};
struct Relu6 {
  template <class V>
  static V apply(V x) {
    return clip(x, 0.0f, 6.0f);
  }
};
struct LeakyRelu {
  template <class V>
  static V apply(V x) {
    return select(x > V(0.0f), x, x * V(0.01f));
  }
};
struct Hardtanh {
  template <class V>
  static V apply(V x) {
    return clip(x, -1.0f, 1.0f);
  }
};
struct Hardswish {
  template <class V>
  static V apply(V x) {
    return x * (clip(x + V(3.0f), 0.0f, 6.0f) * V(1.0f / 6.0f));
  }
};
struct Elu {
  template <class V>
  static V apply(V x) {
    return select(x > V(0.0f), x, expm1(x));
  }
};

// x P(below x) = (x + |x|) / 2 - |x| P(above |x|). The halves are taken first, so that -inf gives NaN as in PyTorch.
struct Gelu {
  template <class V>
  static V apply(V x) {
    const V magnitude = abs(x);
    const V positive = fma(x, V(0.5f), magnitude * V(0.5f));
    return fma(-min(V(14.5f), magnitude), normal_tail(magnitude), positive);
  }
};
struct Gelu10 {
  template <class V>
  static V apply(V x) {
    return clip(Gelu::apply(x), -10.0f, 10.0f);
  }
};
// x (1 + tanh u) / 2 = x sigmoid(2u) with u = sqrt(2 / pi) (x + 0.044715 x³)
struct GeluNew {
  template <class V>
  static V apply(V x) {
    const V cubic = fma(x * x, V(0.044715f), V(1.0f)) * x;
    return x * sigmoid(cubic * V(1.59576912f));
  }
};
struct QuickGelu {
  template <class V>
  static V apply(V x) {
    return x * sigmoid(x * V(1.702f));
  }
};
struct Silu {
  template <class V>
  static V apply(V x) {
    return x * sigmoid(x);
  }
};
// x tanh(ln(1 + e^x)) = x n / (n + 2) with n = e^x (e^x + 2)
struct Mish {
  template <class V>
  static V apply(V x) {
    const V e = exp(min(V(20.0f), x));
    const V n = fma(e, e, e + e);
    return select(x > V(20.0f), x, x * (n / (n + V(2.0f))));
  }
};
// Mean 0.707107 and deviation 0.282095, as in Transformers' LaplaceActivation.
struct Laplace {
  template <class V>
  static V apply(V x) {
    return normal_cdf((x - V(0.707107f)) / V(0.282095f));
  }
};
struct SqrtSoftplus {
  template <class V>
  static V apply(V x) {
    return sqrt(softplus(x));
  }
};

}  // namespace math
}  // namespace nt
