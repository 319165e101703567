// 8-bit floats: E4M3 (4 exponent bits, bias 7, no infinity, NaN is all ones) and E5M2 (5 exponent bits, bias 15, as
// IEEE). Source: Micikevicius et al. 2022, arXiv:2209.05433.
#pragma once
#include <cmath>
#include <cstdint>

namespace nt {
namespace math {

template <int kMantissaBits, int kBias>
inline float float8_magnitude(uint8_t bits) {
  const int exponent = (bits & 0x7f) >> kMantissaBits, mantissa = bits & ((1 << kMantissaBits) - 1);
  const int implicit = exponent ? 1 << kMantissaBits : 0;
  return std::ldexp(static_cast<float>(implicit + mantissa), (exponent ? exponent : 1) - kBias - kMantissaBits);
}

inline float e4m3_to_f32(uint8_t bits) {
  const float magnitude = (bits & 0x7f) == 0x7f ? NAN : float8_magnitude<3, 7>(bits);
  return bits & 0x80 ? -magnitude : magnitude;
}

inline float e5m2_to_f32(uint8_t bits) {
  const float magnitude = (bits & 0x7f) > 0x7c ? NAN : (bits & 0x7f) == 0x7c ? INFINITY : float8_magnitude<2, 15>(bits);
  return bits & 0x80 ? -magnitude : magnitude;
}

// |x| in units of the last place, rounded to nearest even, as exponent and mantissa bits; may carry into any exponent.
template <int kMantissaBits, int kBias>
inline int round_to_float8(float magnitude) {
  if (magnitude == 0) return 0;
  int exponent;
  std::frexp(magnitude, &exponent);
  exponent = exponent - 1 + kBias;  // biased, of a normal number
  if (exponent < 1) exponent = 1;   // subnormal numbers share the step of the smallest normal ones
  const int units = static_cast<int>(std::nearbyint(std::ldexp(magnitude, kBias + kMantissaBits - exponent)));
  return ((exponent - 1) << kMantissaBits) + units;
}

// Beyond the largest number, 448, rounding gives NaN, as in PyTorch's float8_e4m3fn.
inline uint8_t f32_to_e4m3(float x) {
  const uint8_t sign = std::signbit(x) ? 0x80 : 0;
  const float magnitude = std::fabs(x);
  if (!(magnitude < 480.0f)) return sign | 0x7f;
  const int bits = round_to_float8<3, 7>(magnitude);
  return static_cast<uint8_t>(sign | (bits > 0x7f ? 0x7f : bits));
}

inline uint8_t f32_to_e5m2(float x) {
  const uint8_t sign = std::signbit(x) ? 0x80 : 0;
  const float magnitude = std::fabs(x);
  if (std::isnan(x)) return sign | 0x7f;
  if (magnitude >= 65536.0f) return sign | 0x7c;
  const int bits = round_to_float8<2, 15>(magnitude);
  return static_cast<uint8_t>(sign | (bits > 0x7c ? 0x7c : bits));
}

}  // namespace math
}  // namespace nt
