// NEON of AArch64: 4 floats. The meaning of each operation is written in vec_generic.h.
#pragma once
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

}  // namespace neon
}  // namespace nt
