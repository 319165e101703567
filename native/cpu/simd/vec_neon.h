// NEON of AArch64: 4 floats. The meaning of each operation is written in vec_generic.h.
#pragma once
#include <arm_acle.h>
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

#include "cpu/simd/element.h"

namespace nt {
namespace neon {

struct Mask {
  uint32x4_t m;

  friend Mask operator&(Mask a, Mask b) { return {vandq_u32(a.m, b.m)}; }
  friend Mask operator|(Mask a, Mask b) { return {vorrq_u32(a.m, b.m)}; }
  friend Mask operator~(Mask a) { return {vmvnq_u32(a.m)}; }
};

inline Mask first_lanes(int n) {
  static const int32_t kIndex[4] = {0, 1, 2, 3};
  return {vcgtq_s32(vdupq_n_s32(n), vld1q_s32(kIndex))};
}
inline bool any(Mask m) {
  return vmaxvq_u32(m.m) != 0;
}
inline bool all(Mask m) {
  return vminvq_u32(m.m) != 0;
}

struct IVec {
  static constexpr int kLanes = 4;
  int32x4_t v;

  IVec() = default;
  IVec(int32_t x) : v(vdupq_n_s32(x)) {}
  explicit IVec(int32x4_t native) : v(native) {}

  static IVec load(const int32_t* p) { return IVec(vld1q_s32(p)); }
  void store(int32_t* p) const { vst1q_s32(p, v); }

  friend IVec operator+(IVec a, IVec b) { return IVec(vaddq_s32(a.v, b.v)); }
  friend IVec operator-(IVec a, IVec b) { return IVec(vsubq_s32(a.v, b.v)); }
  friend IVec operator&(IVec a, IVec b) { return IVec(vandq_s32(a.v, b.v)); }
  friend IVec operator|(IVec a, IVec b) { return IVec(vorrq_s32(a.v, b.v)); }
  friend IVec operator^(IVec a, IVec b) { return IVec(veorq_s32(a.v, b.v)); }
  friend IVec shift_left(IVec a, int n) { return IVec(vshlq_s32(a.v, vdupq_n_s32(n))); }
  friend IVec shift_right(IVec a, int n) { return IVec(vshlq_s32(a.v, vdupq_n_s32(-n))); }
  friend Mask operator==(IVec a, IVec b) { return {vceqq_s32(a.v, b.v)}; }
  friend Mask operator>(IVec a, IVec b) { return {vcgtq_s32(a.v, b.v)}; }
  friend IVec select(Mask m, IVec a, IVec b) { return IVec(vbslq_s32(m.m, a.v, b.v)); }
};

struct Vec {
  static constexpr int kLanes = 4;
  static constexpr int kRegisters = 32;
  float32x4_t v;

  Vec() = default;
  Vec(float x) : v(vdupq_n_f32(x)) {}
  explicit Vec(float32x4_t native) : v(native) {}

  static Vec load(const float* p) { return Vec(vld1q_f32(p)); }
  static Vec load(const F16* p) { return from_f16(vld1_u16(&p->bits)); }
  static Vec load(const BF16* p) { return from_bf16(vld1_u16(&p->bits)); }
  static Vec load(const float* p, int n) {
    float lanes[4] = {};
    __builtin_memcpy(lanes, p, static_cast<size_t>(n) * 4);
    return load(lanes);
  }
  static Vec load(const F16* p, int n) { return from_f16(load_words(p, n)); }
  static Vec load(const BF16* p, int n) { return from_bf16(load_words(p, n)); }

  void store(float* p) const { vst1q_f32(p, v); }
  void store(F16* p) const { vst1_u16(&p->bits, to_f16()); }
  void store(BF16* p) const { vst1_u16(&p->bits, to_bf16()); }
  void store(float* p, int n) const {
    float lanes[4];
    store(lanes);
    __builtin_memcpy(p, lanes, static_cast<size_t>(n) * 4);
  }
  void store(F16* p, int n) const { store_words(p, n, to_f16()); }
  void store(BF16* p, int n) const { store_words(p, n, to_bf16()); }

  friend Vec operator+(Vec a, Vec b) { return Vec(vaddq_f32(a.v, b.v)); }
  friend Vec operator-(Vec a, Vec b) { return Vec(vsubq_f32(a.v, b.v)); }
  friend Vec operator*(Vec a, Vec b) { return Vec(vmulq_f32(a.v, b.v)); }
  friend Vec operator/(Vec a, Vec b) { return Vec(vdivq_f32(a.v, b.v)); }
  friend Vec operator-(Vec a) { return Vec(vnegq_f32(a.v)); }
  friend Mask operator<(Vec a, Vec b) { return {vcltq_f32(a.v, b.v)}; }
  friend Mask operator<=(Vec a, Vec b) { return {vcleq_f32(a.v, b.v)}; }
  friend Mask operator>(Vec a, Vec b) { return {vcgtq_f32(a.v, b.v)}; }
  friend Mask operator>=(Vec a, Vec b) { return {vcgeq_f32(a.v, b.v)}; }
  friend Mask operator==(Vec a, Vec b) { return {vceqq_f32(a.v, b.v)}; }
  friend Mask operator!=(Vec a, Vec b) { return {vmvnq_u32(vceqq_f32(a.v, b.v))}; }

 private:
  static Vec from_f16(uint16x4_t words) { return Vec(vcvt_f32_f16(vreinterpret_f16_u16(words))); }
  static Vec from_bf16(uint16x4_t words) { return Vec(vreinterpretq_f32_u32(vshll_n_u16(words, 16))); }
  uint16x4_t to_f16() const { return vreinterpret_u16_f16(vcvt_f16_f32(v)); }
  uint16x4_t to_bf16() const {
    const uint32x4_t bits = vreinterpretq_u32_f32(v);
    const uint32x4_t high = vshrq_n_u32(bits, 16);
    const uint32x4_t bias = vaddq_u32(vandq_u32(high, vdupq_n_u32(1)), vdupq_n_u32(0x7fff));
    const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(bits, bias), 16);
    const uint32x4_t quiet = vorrq_u32(high, vdupq_n_u32(0x40));
    return vmovn_u32(vbslq_u32(vceqq_f32(v, v), rounded, quiet));
  }
  static uint16x4_t load_words(const void* p, int n) {
    uint16_t words[4] = {};
    __builtin_memcpy(words, p, static_cast<size_t>(n) * 2);
    return vld1_u16(words);
  }
  static void store_words(void* p, int n, uint16x4_t v) {
    uint16_t words[4];
    vst1_u16(words, v);
    __builtin_memcpy(p, words, static_cast<size_t>(n) * 2);
  }
};

inline IVec as_int(Vec a) {
  return IVec(vreinterpretq_s32_f32(a.v));
}
inline Vec as_float(IVec a) {
  return Vec(vreinterpretq_f32_s32(a.v));
}

inline Vec fma(Vec a, Vec b, Vec c) {
  return Vec(vfmaq_f32(c.v, a.v, b.v));
}
inline Vec select(Mask m, Vec a, Vec b) {
  return Vec(vbslq_f32(m.m, a.v, b.v));
}
inline Vec min(Vec a, Vec b) {
  return select(a < b, a, b);
}
inline Vec max(Vec a, Vec b) {
  return select(a > b, a, b);
}
inline Vec abs(Vec a) {
  return Vec(vabsq_f32(a.v));
}
inline Vec sqrt(Vec a) {
  return Vec(vsqrtq_f32(a.v));
}
inline Vec round(Vec a) {
  return Vec(vrndnq_f32(a.v));
}
inline Vec floor(Vec a) {
  return Vec(vrndmq_f32(a.v));
}

inline Vec to_float(IVec a) {
  return Vec(vcvtq_f32_s32(a.v));
}
inline IVec round_to_int(Vec a) {
  return IVec(vcvtnq_s32_f32(a.v));
}
inline IVec truncate_to_int(Vec a) {
  return IVec(vcvtq_s32_f32(a.v));
}

inline float reduce_add(Vec a) {
  const float32x2_t x2 = vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v));
  return vget_lane_f32(x2, 0) + vget_lane_f32(x2, 1);
}

inline float reduce_max(Vec a) {
  const Vec x2 = max(a, Vec(vextq_f32(a.v, a.v, 2)));
  const float x0 = vgetq_lane_f32(x2.v, 0), x1 = vgetq_lane_f32(x2.v, 1);
  return x0 > x1 ? x0 : x1;
}

inline void transpose(Vec (&rows)[4]) {
  const float32x4x2_t low = vzipq_f32(rows[0].v, rows[2].v), high = vzipq_f32(rows[1].v, rows[3].v);
  const float32x4x2_t first = vzipq_f32(low.val[0], high.val[0]), last = vzipq_f32(low.val[1], high.val[1]);
  rows[0] = Vec(first.val[0]);
  rows[1] = Vec(first.val[1]);
  rows[2] = Vec(last.val[0]);
  rows[3] = Vec(last.val[1]);
}

template <class T>
struct Turned;

template <>
struct Turned<uint16_t> {
  static constexpr int kRows = 8, kColumns = 8;

  static void store(const uint16_t* from, int64_t from_stride, uint16_t* to, int64_t to_stride) {
    uint16x8_t r[8];
    uint32x4_t a[8];
    uint64x2_t b[8];
    for (int i = 0; i < 8; ++i) r[i] = vld1q_u16(from + i * from_stride);
    for (int i = 0; i < 4; ++i) {  // a[2i], a[2i + 1]: rows 2i and 2i + 1 of columns 0 to 3, 4 to 7
      a[2 * i] = vreinterpretq_u32_u16(vzip1q_u16(r[2 * i], r[2 * i + 1]));
      a[2 * i + 1] = vreinterpretq_u32_u16(vzip2q_u16(r[2 * i], r[2 * i + 1]));
    }
    for (int i = 0; i < 2; ++i)  // b[4i + j]: rows 4i to 4i + 3 of columns 2j and 2j + 1
      for (int half = 0; half < 2; ++half) {
        b[4 * i + 2 * half] = vreinterpretq_u64_u32(vzip1q_u32(a[4 * i + half], a[4 * i + 2 + half]));
        b[4 * i + 2 * half + 1] = vreinterpretq_u64_u32(vzip2q_u32(a[4 * i + half], a[4 * i + 2 + half]));
      }
    for (int j = 0; j < 4; ++j) {
      vst1q_u16(to + 2 * j * to_stride, vreinterpretq_u16_u64(vzip1q_u64(b[j], b[4 + j])));
      vst1q_u16(to + (2 * j + 1) * to_stride, vreinterpretq_u16_u64(vzip2q_u64(b[j], b[4 + j])));
    }
  }
};

template <>
struct Turned<uint32_t> {
  static constexpr int kRows = 4, kColumns = 4;

  static void store(const uint32_t* from, int64_t from_stride, uint32_t* to, int64_t to_stride) {
    uint32x4_t r[4];
    for (int i = 0; i < 4; ++i) r[i] = vld1q_u32(from + i * from_stride);
    const uint64x2_t a0 = vreinterpretq_u64_u32(vzip1q_u32(r[0], r[1]));
    const uint64x2_t a1 = vreinterpretq_u64_u32(vzip2q_u32(r[0], r[1]));
    const uint64x2_t a2 = vreinterpretq_u64_u32(vzip1q_u32(r[2], r[3]));
    const uint64x2_t a3 = vreinterpretq_u64_u32(vzip2q_u32(r[2], r[3]));
    vst1q_u32(to, vreinterpretq_u32_u64(vzip1q_u64(a0, a2)));
    vst1q_u32(to + to_stride, vreinterpretq_u32_u64(vzip2q_u64(a0, a2)));
    vst1q_u32(to + 2 * to_stride, vreinterpretq_u32_u64(vzip1q_u64(a1, a3)));
    vst1q_u32(to + 3 * to_stride, vreinterpretq_u32_u64(vzip2q_u64(a1, a3)));
  }
};

}  // namespace neon
}  // namespace nt
