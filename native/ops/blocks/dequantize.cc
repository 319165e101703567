// dequantize(x): the numbers of blocks, as GGUF files hold them.
//   inputs  x: uint8, whole blocks one behind the other, whatever its shape
//   attrs   [type, dtype, dims…]: one of BlockType, the result's type (float32, float16 or bfloat16) and shape
//   output  that dtype and shape
// In float32 with ggml's operations in ggml's order, bit for bit on every instruction set, then rounded to the nearest
// even of the dtype. Parallel over runs of blocks.
// Source: dequantize_row_* of ggml-quants.c.
#include <algorithm>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

constexpr int kHead = 2;
constexpr int64_t kElements = 16384;  // of a run

int type_of(const OpCall& call) {
  return static_cast<int>(call.attr[0]);
}

const char* infer(InferCall& call) {
  if (!has_input(call, 0) || call.in[0].dtype != DType::kU8) return "needs blocks, as uint8";
  if (call.n_attr < kHead || call.n_attr - kHead > kMaxRank) return "needs a type, a dtype and a shape";
  if (!(call.attr[0] >= 0 && call.attr[0] < kBlockTypes)) return "no such type of blocks";
  if (!(call.attr[1] >= 0 && call.attr[1] < static_cast<int>(DType::kCount))) return "no such dtype";
  Spec& out = call.out[0];
  out.dtype = static_cast<DType>(static_cast<int>(call.attr[1]));
  if (!is_weight(out.dtype)) return "blocks become float32, float16 or bfloat16";
  out.shape = Shape();
  for (int i = kHead; i < call.n_attr; ++i) {
    if (!(call.attr[i] >= 0)) return "a dimension is negative";
    out.shape.dims[out.shape.rank++] = static_cast<int64_t>(call.attr[i]);
  }
  if (!fits_memory(out)) return "the result would have more elements than memory has bytes";
  const int type = static_cast<int>(call.attr[0]);
  const int64_t bytes = call.in[0].shape.size(), blocks = bytes / kBlockBytes[type];
  if (bytes % kBlockBytes[type] != 0 || blocks * kBlockElements[type] != out.shape.size())
    return "the blocks and the shape hold different numbers of elements";
  return nullptr;
}

const char* cpu(OpCall& call) {
  const int type = type_of(call);
  const int64_t elements = kBlockElements[type], bytes = kBlockBytes[type];
  const auto dequantize = call.kernels->blocks.dequantize[type];
  const ElementwiseKernels& convert = call.kernels->elementwise;
  const uint8_t* x = call.in[0].as<uint8_t>();
  const TensorView& out = call.out[0];
  call.parallel->ranges(out.shape.size() / elements, kElements / elements, [&](int64_t begin, int64_t end, int) {
    if (out.dtype == DType::kF32) return dequantize(x + begin * bytes, end - begin, out.as<float>() + begin * elements);
    constexpr int64_t kStep = 1024;
    const int64_t step = kStep / elements;
    float block[kStep];
    for (int64_t i = begin; i < end; i += step) {
      const int64_t n = std::min(step, end - i);
      dequantize(x + i * bytes, n, block);
      if (out.dtype == DType::kF16) convert.to_f16(block, out.as<F16>() + i * elements, n * elements);
      if (out.dtype == DType::kBF16) convert.to_bf16(block, out.as<BF16>() + i * elements, n * elements);
    }
  });
  return nullptr;
}

float half_at(const uint8_t* p) {
  return f16_to_f32(static_cast<uint16_t>(p[0] | p[1] << 8));
}

// Nibble i of a run of 32 elements: low ones first.
int nibble(const uint8_t* q, int i) {
  return i < 16 ? q[i] & 15 : q[i - 16] >> 4;
}

// Six bits of scale, and of minimum, i in 0…7.
int scale_of(const uint8_t* s, int i) {
  return i < 4 ? s[i] & 63 : (s[i + 4] & 15) | s[i - 4] >> 6 << 4;
}
int min_of(const uint8_t* s, int i) {
  return i < 4 ? s[i + 4] & 63 : s[i + 4] >> 4 | s[i] >> 6 << 4;
}

// Element i of a block.
float element(int type, const uint8_t* x, int i) {
  const auto times = [](float d, int q) { return d * static_cast<float>(q); };
  const int bit = i < 32 ? 1 << i % 8 : 0;
  const int quarter = i / 32 % 4, within = i / 128 * 32 + i % 32;
  switch (type) {
    case kQ4_0:
      return times(half_at(x), nibble(x + 2, i) - 8);
    case kQ4_1:
      return times(half_at(x), nibble(x + 4, i)) + half_at(x + 2);
    case kQ5_0:
      return times(half_at(x), nibble(x + 6, i) + (x[2 + i / 8] & bit ? 16 : 0) - 16);
    case kQ5_1:
      return times(half_at(x), nibble(x + 8, i) + (x[4 + i / 8] & bit ? 16 : 0)) + half_at(x + 2);
    case kQ8_0:
      return times(half_at(x), static_cast<int8_t>(x[2 + i]));
    case kQ2_K:
      return times(times(half_at(x + 80), x[i / 16] & 15), x[16 + within] >> 2 * quarter & 3) -
             times(half_at(x + 82), x[i / 16] >> 4);
    case kQ3_K: {
      const uint8_t* s = x + 96;
      const int group = i / 16, low = s[group % 8] >> group / 8 * 4 & 15, high = s[8 + group % 4] >> group / 4 * 2 & 3;
      const int q = (x[32 + within] >> 2 * quarter & 3) + (x[i % 32] >> i / 32 & 1) * 4 - 4;
      return times(times(half_at(x + 108), low + 16 * high - 32), q);
    }
    case kQ4_K:
    case kQ5_K: {
      const int group = i / 32;
      const uint8_t* q = x + (type == kQ4_K ? 16 : 48) + i / 64 * 32;
      const int high = type == kQ5_K ? x[16 + i % 32] >> group & 1 : 0;
      return times(times(half_at(x), scale_of(x + 4, group)), (q[i % 32] >> group % 2 * 4 & 15) + 16 * high) -
             times(half_at(x + 2), min_of(x + 4, group));
    }
    case kQ6_K: {
      const int low = x[i / 128 * 64 + i % 64] >> i / 64 % 2 * 4 & 15, high = x[128 + within] >> 2 * quarter & 3;
      return times(times(half_at(x + 208), static_cast<int8_t>(x[192 + i / 16])), low + 16 * high - 32);
    }
    case kIQ4_NL:
      return times(half_at(x), kIQ4Values[nibble(x + 2, i)]);
    case kIQ4_XS: {
      const int group = i / 32, low = x[4 + group / 2] >> group % 2 * 4 & 15;
      const int high = (x[2] | x[3] << 8) >> 2 * group & 3;
      return times(times(half_at(x), low + 16 * high - 32), kIQ4Values[nibble(x + 8 + group * 16, i % 32)]);
    }
    default: {
      const uint32_t e = x[0];
      return times(bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23), kE2M1Values[nibble(x + 1, i)]);
    }
  }
}

const char* reference(OpCall& call) {
  const int type = type_of(call);
  const int64_t elements = kBlockElements[type];
  const uint8_t* x = call.in[0].as<uint8_t>();
  const TensorView& out = call.out[0];
  for (int64_t i = 0; i < out.shape.size(); ++i) {
    const float value = element(type, x + i / elements * kBlockBytes[type], static_cast<int>(i % elements));
    if (out.dtype == DType::kF32) out.as<float>()[i] = value;
    if (out.dtype == DType::kF16) out.as<uint16_t>()[i] = f32_to_f16(value);
    if (out.dtype == DType::kBF16) out.as<uint16_t>()[i] = f32_to_bf16(value);
  }
  return nullptr;
}

}  // namespace

OpDef dequantize_op() {
  return {"dequantize", infer, cpu, reference, -1};
}

}  // namespace nt
