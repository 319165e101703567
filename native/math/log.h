// Logarithms over any vector class V. x = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m = f - f²/2 + f³ P(f) with f = m
// - 1.
#pragma once
#include "math/exp.h"

namespace nt {
namespace math {

template <class V>
inline V log(V x) {
  using I = decltype(as_int(x));
  const auto tiny = x < V(1.17549435e-38f);
  const V normal = select(tiny, x * V(8388608.0f), x);  // 2^23 lifts subnormals
  const I offset = as_int(normal) - I(0x3f3504f3);      // the bits of sqrt(1/2)
  const V exponent = to_float(shift_right(offset, 23)) - select(tiny, V(23.0f), V(0.0f));
  const V f = as_float((offset & I(0x007fffff)) + I(0x3f3504f3)) - V(1.0f);
  const V square = f * f;
  const V p = polynomial(f, 0.333333313f, -0.250008225f, 0.200012267f, -0.166233569f, 0.142017618f, -0.131601945f,
                         0.127615497f, -0.0763442963f);
  const V low = fma(exponent, V(kLn2Low), fma(f * square, p, square * V(-0.5f)));
  const V finite = fma(exponent, V(kLn2High), low + f);
  const V infinity = V(__builtin_inff());
  const V nonfinite = select(x == V(0.0f), -infinity, select(x < V(0.0f), V(__builtin_nanf("")), x));
  return select((x > V(0.0f)) & (x < infinity), finite, nonfinite);
}

// ln(1 + x): the rounding error of 1 + x is given back to first order.
template <class V>
inline V log1p(V x) {
  const V u = x + V(1.0f);
  const V lost = x - (u - V(1.0f));
  const V correction = select((lost == V(0.0f)) | (u == V(__builtin_inff())), V(0.0f), lost / u);
  return log(u) + correction;
}

// ln(1 + e^x), and x itself above 20, as in torch.nn.functional.softplus.
template <class V>
inline V softplus(V x) {
  return select(x > V(20.0f), x, log1p(exp(x)));
}

}  // namespace math
}  // namespace nt
