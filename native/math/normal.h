// The normal distribution's tail and the error function over any vector class V.
#pragma once
#include "math/exp.h"

namespace nt {
namespace math {

// The probability that a standard normal number is above a >= 0: e^(-a²/2) G(a). G, a scaled erfc, is a minimax
// polynomial in (a - 2.5) / (a + 2.5) (relative error 9e-8 on [0, 14.5], beyond which e^(-a²/2) is 0). a²/2 is reduced
// with one fused operation, so that its rounding does not grow with a.
template <class V>
inline V normal_tail(V a) {
  const V x = min(V(14.5f), a);
  const V minus_half = x * V(-0.5f);
  const V biased = fma(x * minus_half, V(kLog2E), V(kRoundingBias));
  const V n = biased - V(kRoundingBias);
  const V r = fma(n, V(-kLn2Low), fma(x, minus_half, n * V(-kLn2High)));
  const V gauss = (exp_minus_one_reduced(r) + V(1.0f)) * power_of_two_from_biased(biased);
  const V u = (x - V(2.5f)) / (x + V(2.5f));
  const V g = polynomial(u, 0.141331345f, -0.228069812f, 0.113135077f, -0.0245478321f, -0.0051173768f, 0.00294070062f,
                         0.000798543508f, -0.000328714174f, -0.00015321176f);
  return select(x > V(13.0f), V(0.0f), gauss * g);
}

// The probability that a standard normal number is below x.
template <class V>
inline V normal_cdf(V x) {
  const V tail = normal_tail(abs(x));
  return select(x < V(0.0f), tail, V(1.0f) - tail);
}

template <class V>
inline V erf(V x) {
  const V magnitude = abs(x), square = x * x;
  const V small = x * polynomial(square, 1.12837911f, -0.376125246f, 0.112821408f, -0.0267789084f, 0.00501196226f,
                                 -0.000609035778f);
  const V large = fma(normal_tail(magnitude * V(1.41421356f)), V(-2.0f), V(1.0f));
  return select(magnitude < V(0.9f), small, select(x < V(0.0f), -large, large));
}

}  // namespace math
}  // namespace nt
