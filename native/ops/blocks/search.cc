#include "ops/blocks/search.h"

#include <algorithm>
#include <cmath>

namespace nt {
namespace {

// Steps of the outermost number that are tried: widths around the plain one, which would waste the last half step.
constexpr int kTries = 24;
constexpr float kFirstTry = -1.2f, kTryStep = 0.1f;
// How often numbers and scale are fitted to each other once the best width is found.
constexpr int kRefinements = 3;

struct Fit {
  float scale = 0, offset = 0, error = INFINITY;
};

// The least squares of x ≈ scale * q + offset over scale and offset, where q = round((x - offset) / scale) with the
// numbers given; the offset stays at or below 0, which is as far as a minimum can be stored.
Fit fitted(const float* x, int n, int most, float inverse, float offset) {
  float sum_q = 0, sum_qq = 0, sum_x = 0, sum_xq = 0;
  float q[256];
  for (int i = 0; i < n; ++i) {
    q[i] = std::min(std::max(std::nearbyint(inverse * (x[i] - offset)), 0.0f), static_cast<float>(most));
    sum_q += q[i];
    sum_qq += q[i] * q[i];
    sum_x += x[i];
    sum_xq += x[i] * q[i];
  }
  Fit fit;
  const float count = static_cast<float>(n), determinant = count * sum_qq - sum_q * sum_q;
  if (!(determinant > 0)) return fit;
  fit.scale = (count * sum_xq - sum_x * sum_q) / determinant;
  fit.offset = (sum_qq * sum_x - sum_q * sum_xq) / determinant;
  if (fit.offset > 0) {
    fit.offset = 0;
    fit.scale = sum_xq / sum_qq;
  }
  if (!(fit.scale > 0)) return Fit();
  fit.error = 0;
  for (int i = 0; i < n; ++i) {
    const float difference = x[i] - (fit.scale * q[i] + fit.offset);
    fit.error += difference * difference;
  }
  return fit;
}

}  // namespace

AffineScale search_affine(const float* x, int n, int most) {
  const float low = std::min(0.0f, *std::min_element(x, x + n)), high = *std::max_element(x, x + n);
  if (!(high > low)) return {0, -low};
  Fit best;
  for (int i = 0; i < kTries; ++i) {
    const float steps = static_cast<float>(most) + kFirstTry + kTryStep * static_cast<float>(i);
    const Fit fit = fitted(x, n, most, steps / (high - low), low);
    if (fit.error < best.error) best = fit;
  }
  for (int i = 0; i < kRefinements && best.scale > 0; ++i) {
    const Fit fit = fitted(x, n, most, 1 / best.scale, best.offset);
    if (!(fit.error < best.error)) break;
    best = fit;
  }
  if (!(best.scale > 0)) return {(high - low) / static_cast<float>(most), -low};
  return {best.scale, -best.offset};
}

float search_symmetric(const float* x, int n, int most) {
  const float outermost = *std::max_element(x, x + n, [](float a, float b) { return std::fabs(a) < std::fabs(b); });
  if (outermost == 0) return 0;
  float best = 0, scale = 0;
  for (int i = 0; i < kTries; ++i) {
    // The outermost number becomes the lowest step, of which there is one more than of the highest.
    const float inverse = -(static_cast<float>(most) + kFirstTry + kTryStep * static_cast<float>(i)) / outermost;
    float sum_qq = 0, sum_xq = 0;
    for (int j = 0; j < n; ++j) {
      const float steps = static_cast<float>(most);
      const float q = std::min(std::max(std::nearbyint(inverse * x[j]), -steps), steps - 1);
      sum_qq += q * q;
      sum_xq += x[j] * q;
    }
    if (sum_qq > 0 && sum_xq * sum_xq > best * sum_qq) {
      best = sum_xq * sum_xq / sum_qq;
      scale = sum_xq / sum_qq;
    }
  }
  return scale;
}

}  // namespace nt
