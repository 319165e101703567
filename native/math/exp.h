// exp and its relatives over any vector class V. x = n ln2 + r with |r| <= ln2 / 2; e^r is a minimax polynomial
// (relative error 4e-9), 2^n is written into the exponent bits. Errors are about one unit in the last place.
#pragma once
#include "math/polynomial.h"

namespace nt {
namespace math {

// ln2 in two parts: the first has nine bits, so that n times it is exact.
constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;

// Adding it rounds a small number to the nearest whole one, which then stands in the low bits.
constexpr float kRoundingBias = 12582912.0f;  // 1.5 * 2^23

// e^r - 1 for |r| <= ln2 / 2.
template <class V>
inline V exp_minus_one_reduced(V r) {
  const V q = polynomial(r, 0.49999994f, 0.166665152f, 0.041668456f, 0.00836941879f, 0.00138131424f);
  return fma(r * r, q, r);
}

// x - n ln2
template <class V>
inline V subtract_ln2(V x, V n) {
  return fma(n, V(-kLn2Low), fma(n, V(-kLn2High), x));
}

// 2^n where biased = n + kRoundingBias and n is in [-126, 127].
template <class V>
inline V power_of_two_from_biased(V biased) {
  return as_float(shift_left(as_int(biased) + decltype(as_int(biased))(127), 23));
}

// e^x for x <= 0. Results below the normal numbers become 0; NaN stays NaN.
template <class V>
inline V exp_nonpositive(V x) {
  const V biased = fma(x, V(kLog2E), V(kRoundingBias));
  const V r = subtract_ln2(x, biased - V(kRoundingBias));
  const V scaled = (exp_minus_one_reduced(r) + V(1.0f)) * power_of_two_from_biased(biased);
  return select(x < V(-87.0f), V(0.0f), scaled);
}

// p 2^n for whole n in [-252, 254], in two steps so that results below the normal numbers come out rounded.
template <class V>
inline V scale_by_power_of_two(V p, V n) {
  const auto whole = round_to_int(n);
  const auto half = shift_right(whole, 1);
  const auto first = shift_left(half + decltype(half)(127), 23);
  const auto second = shift_left(whole - half + decltype(half)(127), 23);
  return p * as_float(first) * as_float(second);
}

template <class V>
inline V exp(V x) {
  const V clamped = min(V(89.0f), max(V(-104.0f), x));
  const V n = round(clamped * V(kLog2E));
  return scale_by_power_of_two(exp_minus_one_reduced(subtract_ln2(clamped, n)) + V(1.0f), n);
}

// e^x - 1 without the cancellation near 0: 2^n (e^r - 1) + (2^n - 1).
template <class V>
inline V expm1(V x) {
  const V clamped = min(V(89.0f), max(V(-18.0f), x));
  const V n = round(clamped * V(kLog2E));
  const V power = scale_by_power_of_two(V(0.5f), n);  // half of it: 2^128 is no float
  const V half = fma(power, exp_minus_one_reduced(subtract_ln2(clamped, n)), power - V(0.5f));
  return half + half;
}

// 1 / (1 + e^-x), by e^-|x| so that nothing overflows and the left tail keeps its digits.
template <class V>
inline V sigmoid(V x) {
  const V z = exp_nonpositive(-abs(x));
  return select(x < V(0.0f), z, V(1.0f)) / (z + V(1.0f));
}

template <class V>
inline V tanh(V x) {
  const V magnitude = abs(x), square = x * x;
  const V p = polynomial(square, -0.333332807f, 0.133314416f, -0.0537397116f, 0.0206390787f, -0.00570497848f);
  const V small = fma(x * square, p, x);
  const V z = exp_nonpositive(magnitude * V(-2.0f));
  const V large = (V(1.0f) - z) / (V(1.0f) + z);
  return select(magnitude < V(0.625f), small, select(x < V(0.0f), -large, large));
}

}  // namespace math
}  // namespace nt
