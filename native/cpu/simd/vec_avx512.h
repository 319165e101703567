// AVX-512 F, BW, VL and DQ: 16 floats. The meaning of each operation is written in vec_generic.h.
#pragma once
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12 means the undefined operands of its own header
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstdint>

#include "cpu/simd/element.h"

namespace nt {
namespace avx512 {

struct Mask {
  __mmask16 m;

  friend Mask operator&(Mask a, Mask b) { return {_kand_mask16(a.m, b.m)}; }
  friend Mask operator|(Mask a, Mask b) { return {_kor_mask16(a.m, b.m)}; }
  friend Mask operator~(Mask a) { return {_knot_mask16(a.m)}; }
};

inline Mask first_lanes(int n) {
  return {static_cast<__mmask16>((1u << n) - 1)};
}
inline bool any(Mask m) {
  return m.m != 0;
}
inline bool all(Mask m) {
  return m.m == 0xffff;
}

struct IVec {
  static constexpr int kLanes = 16;
  __m512i v;

  IVec() = default;
  IVec(int32_t x) : v(_mm512_set1_epi32(x)) {}
  explicit IVec(__m512i native) : v(native) {}

  static IVec load(const int32_t* p) { return IVec(_mm512_loadu_si512(p)); }
  void store(int32_t* p) const { _mm512_storeu_si512(p, v); }

  friend IVec operator+(IVec a, IVec b) { return IVec(_mm512_add_epi32(a.v, b.v)); }
  friend IVec operator-(IVec a, IVec b) { return IVec(_mm512_sub_epi32(a.v, b.v)); }
  friend IVec operator&(IVec a, IVec b) { return IVec(_mm512_and_si512(a.v, b.v)); }
  friend IVec operator|(IVec a, IVec b) { return IVec(_mm512_or_si512(a.v, b.v)); }
  friend IVec operator^(IVec a, IVec b) { return IVec(_mm512_xor_si512(a.v, b.v)); }
  friend IVec shift_left(IVec a, int n) { return IVec(_mm512_sll_epi32(a.v, _mm_cvtsi32_si128(n))); }
  friend IVec shift_right(IVec a, int n) { return IVec(_mm512_sra_epi32(a.v, _mm_cvtsi32_si128(n))); }
  friend Mask operator==(IVec a, IVec b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
  friend Mask operator>(IVec a, IVec b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }
  friend IVec select(Mask m, IVec a, IVec b) { return IVec(_mm512_mask_blend_epi32(m.m, b.v, a.v)); }
};

struct Vec {
  static constexpr int kLanes = 16;
  static constexpr int kRegisters = 32;
  __m512 v;

  Vec() = default;
  Vec(float x) : v(_mm512_set1_ps(x)) {}
  explicit Vec(__m512 native) : v(native) {}

  static Vec load(const float* p) { return Vec(_mm512_loadu_ps(p)); }
  static Vec load(const F16* p) { return from_f16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static Vec load(const BF16* p) { return from_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static Vec load(const float* p, int n) { return Vec(_mm512_maskz_loadu_ps(first_lanes(n).m, p)); }
  static Vec load(const F16* p, int n) { return from_f16(_mm256_maskz_loadu_epi16(first_lanes(n).m, p)); }
  static Vec load(const BF16* p, int n) { return from_bf16(_mm256_maskz_loadu_epi16(first_lanes(n).m, p)); }

  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store(F16* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_f16()); }
  void store(BF16* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_bf16()); }
  void store(float* p, int n) const { _mm512_mask_storeu_ps(p, first_lanes(n).m, v); }
  void store(F16* p, int n) const { _mm256_mask_storeu_epi16(p, first_lanes(n).m, to_f16()); }
  void store(BF16* p, int n) const { _mm256_mask_storeu_epi16(p, first_lanes(n).m, to_bf16()); }

  friend Vec operator+(Vec a, Vec b) { return Vec(_mm512_add_ps(a.v, b.v)); }
  friend Vec operator-(Vec a, Vec b) { return Vec(_mm512_sub_ps(a.v, b.v)); }
  friend Vec operator*(Vec a, Vec b) { return Vec(_mm512_mul_ps(a.v, b.v)); }
  friend Vec operator/(Vec a, Vec b) { return Vec(_mm512_div_ps(a.v, b.v)); }
  friend Vec operator-(Vec a) { return Vec(_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0f))); }
  friend Mask operator<(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
  friend Mask operator<=(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
  friend Mask operator>(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
  friend Mask operator>=(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
  friend Mask operator==(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
  friend Mask operator!=(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }

 private:
  static Vec from_f16(__m256i words) { return Vec(_mm512_cvtph_ps(words)); }
  static Vec from_bf16(__m256i words) {
    return Vec(_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16)));
  }
  __m256i to_f16() const { return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  __m256i to_bf16() const {
    const __m512i bits = _mm512_castps_si512(v);
    const __m512i high = _mm512_srli_epi32(bits, 16);
    const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
    const __m512i bias = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, bias), 16);
    const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    return _mm512_cvtepi32_epi16(_mm512_mask_or_epi32(rounded, is_nan, high, _mm512_set1_epi32(0x40)));
  }
};

inline IVec as_int(Vec a) {
  return IVec(_mm512_castps_si512(a.v));
}
inline Vec as_float(IVec a) {
  return Vec(_mm512_castsi512_ps(a.v));
}

inline Vec fma(Vec a, Vec b, Vec c) {
  return Vec(_mm512_fmadd_ps(a.v, b.v, c.v));
}
inline Vec select(Mask m, Vec a, Vec b) {
  return Vec(_mm512_mask_blend_ps(m.m, b.v, a.v));
}
inline Vec min(Vec a, Vec b) {
  return Vec(_mm512_min_ps(a.v, b.v));
}
inline Vec max(Vec a, Vec b) {
  return Vec(_mm512_max_ps(a.v, b.v));
}
inline Vec abs(Vec a) {
  return Vec(_mm512_abs_ps(a.v));
}
inline Vec sqrt(Vec a) {
  return Vec(_mm512_sqrt_ps(a.v));
}
inline Vec round(Vec a) {
  return Vec(_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Vec floor(Vec a) {
  return Vec(_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
}

inline Vec to_float(IVec a) {
  return Vec(_mm512_cvtepi32_ps(a.v));
}
inline IVec round_to_int(Vec a) {
  return IVec(_mm512_cvtps_epi32(a.v));
}
inline IVec truncate_to_int(Vec a) {
  return IVec(_mm512_cvttps_epi32(a.v));
}

inline float reduce_add(Vec a) {
  const __m256 x8 = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 x4 = _mm_add_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
  const __m128 x2 = _mm_add_ps(x4, _mm_movehl_ps(x4, x4));
  return _mm_cvtss_f32(_mm_add_ss(x2, _mm_movehdup_ps(x2)));
}

inline float reduce_max(Vec a) {
  const __m256 x8 = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 x4 = _mm_max_ps(_mm256_castps256_ps128(x8), _mm256_extractf128_ps(x8, 1));
  const __m128 x2 = _mm_max_ps(x4, _mm_movehl_ps(x4, x4));
  return _mm_cvtss_f32(_mm_max_ss(x2, _mm_movehdup_ps(x2)));
}

// Pairs, quads, then halves and quarters of the register change places.
inline void transpose(Vec (&rows)[16]) {
  __m512 pairs[16], quads[16];
  for (int i = 0; i < 16; i += 2) {
    pairs[i] = _mm512_unpacklo_ps(rows[i].v, rows[i + 1].v);
    pairs[i + 1] = _mm512_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  for (int i = 0; i < 16; i += 4) {
    quads[i] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm512_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm512_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    const __m512 even_low = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0x88);
    const __m512 odd_low = _mm512_shuffle_f32x4(quads[i], quads[i + 4], 0xdd);
    const __m512 even_high = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0x88);
    const __m512 odd_high = _mm512_shuffle_f32x4(quads[i + 8], quads[i + 12], 0xdd);
    rows[i] = Vec(_mm512_shuffle_f32x4(even_low, even_high, 0x88));
    rows[i + 4] = Vec(_mm512_shuffle_f32x4(odd_low, odd_high, 0x88));
    rows[i + 8] = Vec(_mm512_shuffle_f32x4(even_low, even_high, 0xdd));
    rows[i + 12] = Vec(_mm512_shuffle_f32x4(odd_low, odd_high, 0xdd));
  }
}

#include "cpu/simd/turned_256.inl"

}  // namespace avx512
}  // namespace nt
