// AVX2 + FMA + F16C: 8 floats. The meaning of each operation is written in vec_generic.h.
#pragma once
#include <immintrin.h>

#include <cstdint>

#include "cpu/simd/element.h"

namespace nt {
namespace avx2 {

struct Mask {
  __m256 m;

  friend Mask operator&(Mask a, Mask b) { return {_mm256_and_ps(a.m, b.m)}; }
  friend Mask operator|(Mask a, Mask b) { return {_mm256_or_ps(a.m, b.m)}; }
  friend Mask operator~(Mask a) { return {_mm256_xor_ps(a.m, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
};

inline __m256i first_lanes_bits(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Mask first_lanes(int n) {
  return {_mm256_castsi256_ps(first_lanes_bits(n))};
}
inline bool any(Mask m) {
  return _mm256_movemask_ps(m.m) != 0;
}
inline bool all(Mask m) {
  return _mm256_movemask_ps(m.m) == 0xff;
}

struct IVec {
  static constexpr int kLanes = 8;
  __m256i v;

  IVec() = default;
  IVec(int32_t x) : v(_mm256_set1_epi32(x)) {}
  explicit IVec(__m256i native) : v(native) {}

  static IVec load(const int32_t* p) { return IVec(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  void store(int32_t* p) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }

  friend IVec operator+(IVec a, IVec b) { return IVec(_mm256_add_epi32(a.v, b.v)); }
  friend IVec operator-(IVec a, IVec b) { return IVec(_mm256_sub_epi32(a.v, b.v)); }
  friend IVec operator&(IVec a, IVec b) { return IVec(_mm256_and_si256(a.v, b.v)); }
  friend IVec operator|(IVec a, IVec b) { return IVec(_mm256_or_si256(a.v, b.v)); }
  friend IVec operator^(IVec a, IVec b) { return IVec(_mm256_xor_si256(a.v, b.v)); }
  friend IVec shift_left(IVec a, int n) { return IVec(_mm256_sll_epi32(a.v, _mm_cvtsi32_si128(n))); }
  friend IVec shift_right(IVec a, int n) { return IVec(_mm256_sra_epi32(a.v, _mm_cvtsi32_si128(n))); }
  friend Mask operator==(IVec a, IVec b) { return {_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v))}; }
  friend Mask operator>(IVec a, IVec b) { return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.v, b.v))}; }
  friend IVec select(Mask m, IVec a, IVec b) { return IVec(_mm256_blendv_epi8(b.v, a.v, _mm256_castps_si256(m.m))); }
};

struct Vec {
  static constexpr int kLanes = 8;
  static constexpr int kRegisters = 16;
  __m256 v;

  Vec() = default;
  Vec(float x) : v(_mm256_set1_ps(x)) {}
  explicit Vec(__m256 native) : v(native) {}

  static Vec load(const float* p) { return Vec(_mm256_loadu_ps(p)); }
  static Vec load(const F16* p) { return from_f16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static Vec load(const BF16* p) { return from_bf16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static Vec load(const float* p, int n) { return Vec(_mm256_maskload_ps(p, first_lanes_bits(n))); }
  static Vec load(const F16* p, int n) { return from_f16(load_words(p, n)); }
  static Vec load(const BF16* p, int n) { return from_bf16(load_words(p, n)); }

  void store(float* p) const { _mm256_storeu_ps(p, v); }
  void store(F16* p) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_f16()); }
  void store(BF16* p) const { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_bf16()); }
  void store(float* p, int n) const { _mm256_maskstore_ps(p, first_lanes_bits(n), v); }
  void store(F16* p, int n) const { store_words(p, n, to_f16()); }
  void store(BF16* p, int n) const { store_words(p, n, to_bf16()); }

  friend Vec operator+(Vec a, Vec b) { return Vec(_mm256_add_ps(a.v, b.v)); }
  friend Vec operator-(Vec a, Vec b) { return Vec(_mm256_sub_ps(a.v, b.v)); }
  friend Vec operator*(Vec a, Vec b) { return Vec(_mm256_mul_ps(a.v, b.v)); }
  friend Vec operator/(Vec a, Vec b) { return Vec(_mm256_div_ps(a.v, b.v)); }
  friend Vec operator-(Vec a) { return Vec(_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0f))); }
  friend Mask operator<(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
  friend Mask operator<=(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
  friend Mask operator>(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
  friend Mask operator>=(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
  friend Mask operator==(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
  friend Mask operator!=(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)}; }

 private:
  static Vec from_f16(__m128i words) { return Vec(_mm256_cvtph_ps(words)); }
  static Vec from_bf16(__m128i words) {
    return Vec(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(words), 16)));
  }
  __m128i to_f16() const { return _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  __m128i to_bf16() const {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i high = _mm256_srli_epi32(bits, 16);
    const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    const __m256i bias = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, bias), 16);
    const __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    const __m256i words = _mm256_blendv_epi8(rounded, quiet, is_nan);
    return _mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  }
  static __m128i load_words(const void* p, int n) {
    alignas(16) uint16_t words[8] = {};
    __builtin_memcpy(words, p, static_cast<size_t>(n) * 2);
    return _mm_load_si128(reinterpret_cast<const __m128i*>(words));
  }
  static void store_words(void* p, int n, __m128i v) {
    alignas(16) uint16_t words[8];
    _mm_store_si128(reinterpret_cast<__m128i*>(words), v);
    __builtin_memcpy(p, words, static_cast<size_t>(n) * 2);
  }
};

inline IVec as_int(Vec a) {
  return IVec(_mm256_castps_si256(a.v));
}
inline Vec as_float(IVec a) {
  return Vec(_mm256_castsi256_ps(a.v));
}

inline Vec fma(Vec a, Vec b, Vec c) {
  return Vec(_mm256_fmadd_ps(a.v, b.v, c.v));
}
inline Vec select(Mask m, Vec a, Vec b) {
  return Vec(_mm256_blendv_ps(b.v, a.v, m.m));
}
inline Vec min(Vec a, Vec b) {
  return Vec(_mm256_min_ps(a.v, b.v));
}
inline Vec max(Vec a, Vec b) {
  return Vec(_mm256_max_ps(a.v, b.v));
}
inline Vec abs(Vec a) {
  return Vec(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v));
}
inline Vec sqrt(Vec a) {
  return Vec(_mm256_sqrt_ps(a.v));
}
inline Vec round(Vec a) {
  return Vec(_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Vec floor(Vec a) {
  return Vec(_mm256_floor_ps(a.v));
}

inline Vec to_float(IVec a) {
  return Vec(_mm256_cvtepi32_ps(a.v));
}
inline IVec round_to_int(Vec a) {
  return IVec(_mm256_cvtps_epi32(a.v));
}
inline IVec truncate_to_int(Vec a) {
  return IVec(_mm256_cvttps_epi32(a.v));
}

inline float reduce_add(Vec a) {
  const __m128 x4 = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 x2 = _mm_add_ps(x4, _mm_movehl_ps(x4, x4));
  return _mm_cvtss_f32(_mm_add_ss(x2, _mm_movehdup_ps(x2)));
}

inline float reduce_max(Vec a) {
  const __m128 x4 = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 x2 = _mm_max_ps(x4, _mm_movehl_ps(x4, x4));
  return _mm_cvtss_f32(_mm_max_ss(x2, _mm_movehdup_ps(x2)));
}

inline void transpose(Vec (&rows)[8]) {
  __m256 pairs[8], quads[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(rows[i].v, rows[i + 1].v);
    pairs[i + 1] = _mm256_unpackhi_ps(rows[i].v, rows[i + 1].v);
  }
  for (int i = 0; i < 8; i += 4) {
    quads[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    quads[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    quads[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    quads[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    rows[i] = Vec(_mm256_permute2f128_ps(quads[i], quads[i + 4], 0x20));
    rows[i + 4] = Vec(_mm256_permute2f128_ps(quads[i], quads[i + 4], 0x31));
  }
}

#include "cpu/simd/turned_256.inl"

}  // namespace avx2
}  // namespace nt
