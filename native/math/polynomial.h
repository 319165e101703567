// Horner's rule over any vector class V of native/cpu/simd (its contract: vec_generic.h).
#pragma once

namespace nt {
namespace math {

// polynomial(x, c0, c1, c2) = c0 + c1 x + c2 x²
template <class V>
inline V polynomial(V, float c0) {
  return V(c0);
}
template <class V, class... Rest>
inline V polynomial(V x, float c0, Rest... rest) {
  return fma(polynomial(x, rest...), x, V(c0));
}

}  // namespace math
}  // namespace nt
