// Sine and cosine over any vector class V. x = n pi/2 + r; pi/2 stands in three parts, of which n times the first two
// is exact up to |n| = 2^13, so every ISA reduces alike. Larger arguments go through the C library, lane by lane.
#pragma once
#include "math/polynomial.h"

namespace nt {
namespace math {

// sin(x + quarter pi/2)
template <class V>
inline V sine(V x, int quarter) {
  using I = decltype(as_int(x));
  const V n = round(x * V(0.636619772f));
  V r = fma(n, V(-1.5703125f), x);
  r = fma(n, V(-4.837512969970703125e-4f), r);
  r = fma(n, V(-7.54978995489188216e-8f), r);
  const V square = r * r;
  const V sin_r = fma(r * square, polynomial(square, -0.166666552f, 0.008332178f, -0.000195172339f), r);
  const V cos_q = polynomial(square, 0.0416666456f, -0.00138873153f, 2.44330804e-05f);
  const V cos_r = fma(square * square, cos_q, fma(square, V(-0.5f), V(1.0f)));
  const I quadrant = round_to_int(n) + I(quarter);
  const V value = select((quadrant & I(1)) == I(1), cos_r, sin_r);
  return select((quadrant & I(2)) == I(2), -value, value);
}

constexpr float kLargestReducedAngle = 12800.0f;

template <class V>
inline V by_lane(V x, float (*f)(float)) {
  float lanes[V::kLanes];
  x.store(lanes);
  for (float& lane : lanes) lane = f(lane);
  return V::load(lanes);
}

template <class V>
inline V sin(V x) {
  if (any(abs(x) > V(kLargestReducedAngle))) return by_lane(x, [](float lane) { return __builtin_sinf(lane); });
  return select(x == V(0.0f), x, sine(x, 0));
}

template <class V>
inline V cos(V x) {
  if (any(abs(x) > V(kLargestReducedAngle))) return by_lane(x, [](float lane) { return __builtin_cosf(lane); });
  return sine(x, 1);
}

}  // namespace math
}  // namespace nt
