// Vectors of floats without intrinsics. This file is also the contract that vec_avx2.h, vec_avx512.h and vec_neon.h
// keep: what each operation means is written here, once.
//
// A family's cpu.inl is compiled inside the namespace of each ISA (see cpu/isa/families.inl) and may use:
//
//   Vec    kLanes floats       Vec(float) broadcasts, implicitly: `x * 0.5f` works
//   IVec   kLanes int32        IVec(int32_t) broadcasts
//   Mask   one truth a lane    & | ~, any(m), all(m); first_lanes(n) is true in lanes below n
//
//   Vec::load(p)               kLanes elements at p, any alignment; p is const float*, const F16* or const BF16*
//   Vec::load(p, n)            n of them, 0 <= n <= kLanes, zeros behind; touches no memory beyond n elements
//   v.store(p)  v.store(p, n)  likewise; to F16 and BF16 it rounds to nearest even, overflow to infinity, NaN stays NaN
//   + - * /  unary -           IEEE single
//   fma(a, b, c)               a * b + c, rounded once where the ISA has it, twice here
//   min(a, b)  max(a, b)       a < b ? a : b  and  a > b ? a : b  in every ISA: a NaN on either side gives b
//   abs sqrt round floor       round goes to nearest even; signs of zeros are kept by abs, round and sqrt
//   < <= > >= == !=            Mask; with a NaN only != is true
//   select(m, a, b)            m ? a : b, for Vec and IVec
//   transpose(rows)            of Vec rows[kLanes]: rows become columns, in place
//   reduce_add  reduce_max     one float, in a fixed order: halves folded onto each other until one lane is left
//
//   IVec  + - & | ^            wrapping
//   shift_left(i, n)  shift_right(i, n)     n constant or not; the right shift is arithmetic
//   == >                       Mask
//   IVec::load(p)  i.store(p)  kLanes int32, any alignment
//   as_int(v)  as_float(i)     the same bits
//   to_float(i)                nearest even
//   round_to_int(v)            nearest even; out of range and NaN give an unspecified number
//   truncate_to_int(v)         toward zero; likewise
//
//   Turned<T>                  a block of kRows × kColumns words, T uint16_t or uint32_t, whose rows become columns:
//     ::store(from, from_stride, to, to_stride)     to[j * to_stride + i] = from[i * from_stride + j]
//
// Rules of a cpu.inl: nothing of the standard library and no inline function of other headers (the linker may keep the
// copy with the widest instructions for everybody); kernels take pointers and sizes, launchers own threads and shapes.
#pragma once
#include <cstdint>

#include "core/dtype.h"
#include "cpu/simd/element.h"

namespace nt {
namespace generic {

struct Mask {
  typedef int32_t Native __attribute__((vector_size(16)));
  Native m;

  friend Mask operator&(Mask a, Mask b) { return {a.m & b.m}; }
  friend Mask operator|(Mask a, Mask b) { return {a.m | b.m}; }
  friend Mask operator~(Mask a) { return {~a.m}; }
};

struct IVec {
  typedef int32_t Native __attribute__((vector_size(16)));
  static constexpr int kLanes = 4;
  Native v;

  IVec() = default;
  IVec(int32_t x) : v(Native{x, x, x, x}) {}
  explicit IVec(Native native) : v(native) {}

  static IVec load(const int32_t* p) {
    IVec r;
    __builtin_memcpy(&r.v, p, sizeof r.v);
    return r;
  }
  void store(int32_t* p) const { __builtin_memcpy(p, &v, sizeof v); }

  friend IVec operator+(IVec a, IVec b) { return IVec(Native(Bits(a.v) + Bits(b.v))); }
  friend IVec operator-(IVec a, IVec b) { return IVec(Native(Bits(a.v) - Bits(b.v))); }
  friend IVec operator&(IVec a, IVec b) { return IVec(a.v & b.v); }
  friend IVec operator|(IVec a, IVec b) { return IVec(a.v | b.v); }
  friend IVec operator^(IVec a, IVec b) { return IVec(a.v ^ b.v); }
  friend IVec shift_left(IVec a, int n) { return IVec(Native(Bits(a.v) << n)); }
  friend IVec shift_right(IVec a, int n) { return IVec(a.v >> n); }
  friend Mask operator==(IVec a, IVec b) { return {a.v == b.v}; }
  friend Mask operator>(IVec a, IVec b) { return {a.v > b.v}; }
  friend IVec select(Mask m, IVec a, IVec b) { return IVec((m.m & a.v) | (~m.m & b.v)); }

 private:
  typedef uint32_t Bits __attribute__((vector_size(16)));
};

struct Vec {
  typedef float Native __attribute__((vector_size(16)));
  static constexpr int kLanes = 4;
  static constexpr int kRegisters = 16;
  Native v;

  Vec() = default;
  Vec(float x) : v(Native{x, x, x, x}) {}
  explicit Vec(Native native) : v(native) {}

  static Vec load(const float* p) {
    Vec r;
    __builtin_memcpy(&r.v, p, sizeof r.v);
    return r;
  }
  static Vec load(const F16* p) { return load(p, kLanes); }
  static Vec load(const BF16* p) { return load(p, kLanes); }
  static Vec load(const float* p, int n) {
    Vec r(0.0f);
    for (int i = 0; i < n; ++i) r.v[i] = p[i];
    return r;
  }
  static Vec load(const F16* p, int n) {
    Vec r(0.0f);
    for (int i = 0; i < n; ++i) r.v[i] = f16_to_f32(p[i].bits);
    return r;
  }
  static Vec load(const BF16* p, int n) {
    Vec r(0.0f);
    for (int i = 0; i < n; ++i) r.v[i] = bf16_to_f32(p[i].bits);
    return r;
  }

  void store(float* p) const { __builtin_memcpy(p, &v, sizeof v); }
  void store(F16* p) const { store(p, kLanes); }
  void store(BF16* p) const { store(p, kLanes); }
  void store(float* p, int n) const {
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }
  void store(F16* p, int n) const {
    for (int i = 0; i < n; ++i) p[i].bits = f32_to_f16(v[i]);
  }
  void store(BF16* p, int n) const {
    for (int i = 0; i < n; ++i) p[i].bits = f32_to_bf16(v[i]);
  }

  friend Vec operator+(Vec a, Vec b) { return Vec(a.v + b.v); }
  friend Vec operator-(Vec a, Vec b) { return Vec(a.v - b.v); }
  friend Vec operator*(Vec a, Vec b) { return Vec(a.v * b.v); }
  friend Vec operator/(Vec a, Vec b) { return Vec(a.v / b.v); }
  friend Vec operator-(Vec a) { return Vec(-a.v); }
  friend Mask operator<(Vec a, Vec b) { return {a.v < b.v}; }
  friend Mask operator<=(Vec a, Vec b) { return {a.v <= b.v}; }
  friend Mask operator>(Vec a, Vec b) { return {a.v > b.v}; }
  friend Mask operator>=(Vec a, Vec b) { return {a.v >= b.v}; }
  friend Mask operator==(Vec a, Vec b) { return {a.v == b.v}; }
  friend Mask operator!=(Vec a, Vec b) { return {a.v != b.v}; }
};

inline Mask first_lanes(int n) {
  return IVec(n) > IVec(IVec::Native{0, 1, 2, 3});
}
inline bool any(Mask m) {
  int32_t bits = 0;
  for (int i = 0; i < Vec::kLanes; ++i) bits |= m.m[i];
  return bits != 0;
}
inline bool all(Mask m) {
  return !any(~m);
}

inline IVec as_int(Vec a) {
  return IVec(reinterpret_cast<IVec::Native>(a.v));
}
inline Vec as_float(IVec a) {
  return Vec(reinterpret_cast<Vec::Native>(a.v));
}

inline Vec fma(Vec a, Vec b, Vec c) {
  return a * b + c;
}
inline Vec select(Mask m, Vec a, Vec b) {
  return as_float(select(m, as_int(a), as_int(b)));
}
inline Vec min(Vec a, Vec b) {
  return select(a < b, a, b);
}
inline Vec max(Vec a, Vec b) {
  return select(a > b, a, b);
}
inline Vec abs(Vec a) {
  return as_float(as_int(a) & IVec(0x7fffffff));
}

inline Vec sqrt(Vec a) {
  for (int i = 0; i < Vec::kLanes; ++i) a.v[i] = __builtin_sqrtf(a.v[i]);
  return a;
}

// Beyond 2^23 every float is whole; below it, adding 2^23 rounds to nearest even.
inline Vec round(Vec a) {
  const Vec big = 8388608.0f;
  const IVec sign = as_int(a) & IVec(INT32_MIN);
  const Vec whole = (abs(a) + big) - big;
  return select(abs(a) < big, as_float(as_int(whole) | sign), a);
}

inline Vec floor(Vec a) {
  const Vec whole = round(a);
  return select(whole > a, whole - Vec(1.0f), whole);
}

inline Vec to_float(IVec a) {
  return Vec(__builtin_convertvector(a.v, Vec::Native));
}

inline IVec truncate_to_int(Vec a) {
  const Mask fits = abs(a) < Vec(2147483648.0f);
  const IVec whole(__builtin_convertvector(select(fits, a, Vec(0.0f)).v, IVec::Native));
  return select(fits, whole, IVec(INT32_MIN));
}
inline IVec round_to_int(Vec a) {
  return truncate_to_int(round(a));
}

inline float reduce_add(Vec a) {
  return (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
}

inline float reduce_max(Vec a) {
  const float x0 = a.v[0] > a.v[2] ? a.v[0] : a.v[2];
  const float x1 = a.v[1] > a.v[3] ? a.v[1] : a.v[3];
  return x0 > x1 ? x0 : x1;
}

inline void transpose(Vec (&rows)[Vec::kLanes]) {
  for (int i = 0; i < Vec::kLanes; ++i)
    for (int j = 0; j < i; ++j) {
      const float moved = rows[i].v[j];
      rows[i].v[j] = rows[j].v[i];
      rows[j].v[i] = moved;
    }
}

template <class T>
struct Turned {
  static constexpr int kRows = 4, kColumns = 4;

  static void store(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
    for (int j = 0; j < kColumns; ++j)
      for (int i = 0; i < kRows; ++i) to[j * to_stride + i] = from[i * from_stride + j];
  }
};

}  // namespace generic
}  // namespace nt
