// Scales with which few numbers in whole steps come near many others.
#pragma once
#include <cstdint>

namespace nt {

// x ≈ scale * q - min with q in 0…most; both are 0 or more.
struct AffineScale {
  float scale, min;
};
AffineScale search_affine(const float* x, int n, int most);

// x ≈ scale * q with q in -most…most-1.
float search_symmetric(const float* x, int n, int most);

}  // namespace nt
