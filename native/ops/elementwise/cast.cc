// cast(x): the same numbers in another dtype.
//   inputs  x: any dtype
//   attrs   [dtype], its number in core/dtype.h
//   output  the shape of x, that dtype
// To a float: round to nearest even, overflow to infinity (NaN in float8_e4m3), NaN stays NaN; float64 goes through
// float32 to the types below. To bool: not zero. From a float to whole numbers: toward zero into int64, NaN and what
// does not fit becoming the smallest int64, then the low bits. Between whole numbers: the low bits. As PyTorch on x86.
#include <cstring>
#include <limits>

#include "cpu/kernels.h"
#include "math/float8.h"
#include "ops/check.h"

namespace nt {
namespace {

constexpr int64_t kGrain = 16384, kBlock = 256;

const char* cast_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  if (call.n_attr < 1 || !(call.attr[0] >= 0 && call.attr[0] < static_cast<int>(DType::kCount))) return "no such dtype";
  call.out[0] = call.in[0];
  call.out[0].dtype = static_cast<DType>(static_cast<int>(call.attr[0]));
  return nullptr;
}

template <class T, class Wide>
void widen(const void* from, Wide* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<Wide>(static_cast<const T*>(from)[i]);
}
template <class T, float (*to_float)(T)>
void widen_by(const void* from, double* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = to_float(static_cast<const T*>(from)[i]);
}
template <class T, class Wide>
void narrow(const Wide* from, void* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(to)[i] = static_cast<T>(from[i]);
}
template <class T, class Wide, T (*from_float)(float)>
void narrow_by(const Wide* from, void* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(to)[i] = from_float(static_cast<float>(from[i]));
}
template <class Wide>
void narrow_to_bool(const Wide* from, void* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) static_cast<uint8_t*>(to)[i] = from[i] != 0;
}

using LoadFloats = void (*)(const void*, double*, int64_t);
using LoadWhole = void (*)(const void*, int64_t*, int64_t);
using StoreFloats = void (*)(const double*, void*, int64_t);
using StoreWhole = void (*)(const int64_t*, void*, int64_t);

// How each dtype becomes double or, of whole numbers, int64 (uint64 by its bits), and back; in the order of DType.
struct Conversion {
  LoadFloats load_floats;
  LoadWhole load_whole;
  StoreFloats store_floats;  // null for whole numbers, which are stored from int64
  StoreWhole store_whole;
};

template <class T>
constexpr Conversion whole() {
  return {nullptr, widen<T, int64_t>, nullptr, narrow<T, int64_t>};
}

const Conversion kConversions[] = {
    {widen<float, double>, nullptr, narrow<float, double>, narrow<float, int64_t>},
    {widen_by<uint16_t, f16_to_f32>, nullptr, narrow_by<uint16_t, double, f32_to_f16>,
     narrow_by<uint16_t, int64_t, f32_to_f16>},
    {widen_by<uint16_t, bf16_to_f32>, nullptr, narrow_by<uint16_t, double, f32_to_bf16>,
     narrow_by<uint16_t, int64_t, f32_to_bf16>},
    {widen<double, double>, nullptr, narrow<double, double>, narrow<double, int64_t>},
    whole<int64_t>(),
    whole<int32_t>(),
    whole<int16_t>(),
    whole<int8_t>(),
    whole<uint8_t>(),
    {nullptr, widen<uint8_t, int64_t>, narrow_to_bool<double>, narrow_to_bool<int64_t>},
    whole<uint16_t>(),
    whole<uint32_t>(),
    whole<uint64_t>(),
    {widen_by<uint8_t, math::e4m3_to_f32>, nullptr, narrow_by<uint8_t, double, math::f32_to_e4m3>,
     narrow_by<uint8_t, int64_t, math::f32_to_e4m3>},
    {widen_by<uint8_t, math::e5m2_to_f32>, nullptr, narrow_by<uint8_t, double, math::f32_to_e5m2>,
     narrow_by<uint8_t, int64_t, math::f32_to_e5m2>},
};
static_assert(sizeof kConversions / sizeof *kConversions == static_cast<size_t>(DType::kCount), "one for each dtype");

int64_t truncate(double x) {
  constexpr double kLimit = 9223372036854775808.0;
  return x >= -kLimit && x < kLimit ? static_cast<int64_t>(x) : std::numeric_limits<int64_t>::min();
}

void convert_block(DType from, const void* x, DType to, void* out, int64_t n) {
  const Conversion &source = kConversions[static_cast<int>(from)], &target = kConversions[static_cast<int>(to)];
  int64_t whole[kBlock];
  if (source.load_floats) {
    double floats[kBlock];
    source.load_floats(x, floats, n);
    if (target.store_floats) return target.store_floats(floats, out, n);
    for (int64_t i = 0; i < n; ++i) whole[i] = truncate(floats[i]);
  } else {
    source.load_whole(x, whole, n);
    if (from == DType::kU64 && is_float(to)) {  // the upper half would turn negative
      double floats[kBlock];
      for (int64_t i = 0; i < n; ++i) floats[i] = static_cast<double>(static_cast<uint64_t>(whole[i]));
      return target.store_floats(floats, out, n);
    }
  }
  target.store_whole(whole, out, n);
}

const char* copy(OpCall& call) {
  const char* x = call.in[0].as<char>();
  char* out = call.out[0].as<char>();
  call.parallel->ranges(call.in[0].bytes(), kGrain * 4, [=](int64_t begin, int64_t end, int) {
    std::memcpy(out + begin, x + begin, static_cast<size_t>(end - begin));
  });
  return nullptr;
}

const char* cast_reference(OpCall& call) {
  const DType from = call.in[0].dtype, to = call.out[0].dtype;
  if (from == to) return copy(call);
  const int64_t from_size = static_cast<int64_t>(item_size(from)), to_size = static_cast<int64_t>(item_size(to));
  const char* x = call.in[0].as<char>();
  char* out = call.out[0].as<char>();
  call.parallel->ranges(call.in[0].shape.size(), kGrain, [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i += kBlock)
      convert_block(from, x + i * from_size, to, out + i * to_size, end - i < kBlock ? end - i : kBlock);
  });
  return nullptr;
}

template <class From, class To>
const char* by_kernel(OpCall& call, void (*kernel)(const From*, To*, int64_t)) {
  const From* x = call.in[0].as<From>();
  To* out = call.out[0].as<To>();
  call.parallel->ranges(call.in[0].shape.size(), kGrain,
                        [=](int64_t begin, int64_t end, int) { kernel(x + begin, out + begin, end - begin); });
  return nullptr;
}

const char* cast_cpu(OpCall& call) {
  const DType from = call.in[0].dtype, to = call.out[0].dtype;
  const ElementwiseKernels& kernels = call.kernels->elementwise;
  if (from == DType::kF16 && to == DType::kF32) return by_kernel(call, kernels.from_f16);
  if (from == DType::kBF16 && to == DType::kF32) return by_kernel(call, kernels.from_bf16);
  if (from == DType::kF32 && to == DType::kF16) return by_kernel(call, kernels.to_f16);
  if (from == DType::kF32 && to == DType::kBF16) return by_kernel(call, kernels.to_bf16);
  return cast_reference(call);
}

}  // namespace

OpDef cast_op() {
  return {"cast", cast_infer, cast_cpu, cast_reference, -1};
}

}  // namespace nt
