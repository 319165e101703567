// quantize(x): numbers as blocks, as GGUF files hold them, and how far they moved.
//   inputs  x: float32 [.., C], C a multiple of the type's block
//   attrs   [type]: Q8_0, Q4_0, Q4_K or Q6_K of BlockType
//   output  uint8 [.., bytes of C elements]; float64 [runs, 5]: of each run of elements the greatest |x - y|, and the
//           sums of |x - y|, x y, x x and y y, y being what the blocks give back
// Q8_0 and Q4_0 are ggml's byte for byte. Q4_K and Q6_K minimise the squared error of each group, then round the
// groups' scales to those of the block and choose the numbers for the rounded ones. A number that is not finite is
// refused. Parallel over runs of blocks; runs are the same whatever the number of threads.
// Sources: ggml-quants.c (quantize_row_q4_0_ref, quantize_row_q8_0_ref, and what the fields of blocks mean).
#include <algorithm>
#include <atomic>
#include <cmath>

#include "cpu/kernels.h"
#include "ops/blocks/search.h"
#include "ops/check.h"

namespace nt {
namespace {

constexpr int64_t kElements = 16384;  // of a run
constexpr int kSums = 5;

void put_half(uint8_t* to, uint16_t half) {
  to[0] = static_cast<uint8_t>(half & 255);
  to[1] = static_cast<uint8_t>(half >> 8);
}

// A scale as it is stored, and what that is worth. False when it is too large.
bool put_scale(uint8_t* to, float scale, float* stored) {
  const uint16_t half = f32_to_f16(scale);
  put_half(to, half);
  *stored = f16_to_f32(half);
  return std::isfinite(*stored);
}

float inverse_of(float d) {
  return d == 0 ? 0 : 1 / d;
}

int rounded(float x, int low, int high) {
  return static_cast<int>(std::min(std::max(std::nearbyint(x), static_cast<float>(low)), static_cast<float>(high)));
}

bool quantize_q8_0(const float* x, uint8_t* out) {
  float most = 0, stored;
  for (int i = 0; i < 32; ++i) most = std::max(most, std::fabs(x[i]));
  const float d = most / 127, inverse = inverse_of(d);
  for (int i = 0; i < 32; ++i) out[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(std::round(x[i] * inverse)));
  return put_scale(out, d, &stored);
}

bool quantize_q4_0(const float* x, uint8_t* out) {
  float outermost = 0, stored;
  for (int i = 0; i < 32; ++i)
    if (std::fabs(x[i]) > std::fabs(outermost)) outermost = x[i];
  const float d = outermost / -8, inverse = inverse_of(d);
  const auto q = [&](float value) { return std::min(static_cast<int>(value * inverse + 8.5f), 15); };
  for (int i = 0; i < 16; ++i) out[2 + i] = static_cast<uint8_t>(q(x[i]) | q(x[i + 16]) << 4);
  return put_scale(out, d, &stored);
}

bool quantize_q4_k(const float* x, uint8_t* out) {
  AffineScale groups[8];
  float most_scale = 0, most_min = 0, d, dmin;
  for (int g = 0; g < 8; ++g) {
    groups[g] = search_affine(x + 32 * g, 32, 15);
    most_scale = std::max(most_scale, groups[g].scale);
    most_min = std::max(most_min, groups[g].min);
  }
  const bool fits = put_scale(out, most_scale / 63, &d);
  if (!put_scale(out + 2, most_min / 63, &dmin) || !fits) return false;
  uint8_t *scales = out + 4, *q = out + 16;
  std::fill(scales, scales + 12, static_cast<uint8_t>(0));
  std::fill(q, q + 128, static_cast<uint8_t>(0));
  for (int g = 0; g < 8; ++g) {
    const int scale = rounded(groups[g].scale * inverse_of(d), 0, 63),
              min = rounded(groups[g].min * inverse_of(dmin), 0, 63);
    if (g < 4) {
      scales[g] = static_cast<uint8_t>(scales[g] | scale);
      scales[g + 4] = static_cast<uint8_t>(scales[g + 4] | min);
    } else {
      scales[g + 4] = static_cast<uint8_t>((scale & 15) | (min & 15) << 4);
      scales[g - 4] = static_cast<uint8_t>(scales[g - 4] | scale >> 4 << 6);
      scales[g] = static_cast<uint8_t>(scales[g] | min >> 4 << 6);
    }
    const float inverse = inverse_of(d * static_cast<float>(scale)), offset = dmin * static_cast<float>(min);
    for (int i = 0; i < 32; ++i) {
      uint8_t& byte = q[g / 2 * 32 + i];
      byte = static_cast<uint8_t>(byte | rounded((x[32 * g + i] + offset) * inverse, 0, 15) << g % 2 * 4);
    }
  }
  return true;
}

bool quantize_q6_k(const float* x, uint8_t* out) {
  float groups[16], outermost = 0, d;
  for (int g = 0; g < 16; ++g) {
    groups[g] = search_symmetric(x + 16 * g, 16, 32);
    if (std::fabs(groups[g]) > std::fabs(outermost)) outermost = groups[g];
  }
  if (!put_scale(out + 208, outermost / -128, &d)) return false;
  std::fill(out, out + 192, static_cast<uint8_t>(0));
  for (int g = 0; g < 16; ++g) {
    const int scale = rounded(groups[g] * inverse_of(d), -128, 127);
    out[192 + g] = static_cast<uint8_t>(static_cast<int8_t>(scale));
    const float inverse = inverse_of(d * static_cast<float>(scale));
    const int half = g / 8, part = g / 2 % 4, first = g % 2 * 16;
    uint8_t *low = out + half * 64 + part % 2 * 32 + first, *high = out + 128 + half * 32 + first;
    for (int i = 0; i < 16; ++i) {
      const int q = rounded(x[16 * g + i] * inverse, -32, 31) + 32;
      low[i] = static_cast<uint8_t>(low[i] | (q & 15) << part / 2 * 4);
      high[i] = static_cast<uint8_t>(high[i] | q >> 4 << part * 2);
    }
  }
  return true;
}

using QuantizeBlock = bool (*)(const float* x, uint8_t* out);

QuantizeBlock quantizer_of(int type) {
  switch (type) {
    case kQ8_0:
      return quantize_q8_0;
    case kQ4_0:
      return quantize_q4_0;
    case kQ4_K:
      return quantize_q4_k;
    case kQ6_K:
      return quantize_q6_k;
    default:
      return nullptr;
  }
}

int64_t runs_of(int64_t size) {
  return (size + kElements - 1) / kElements;
}

const char* infer(InferCall& call) {
  if (!has_input(call, 0) || call.in[0].dtype != DType::kF32) return "needs numbers, as float32";
  if (call.n_attr != 1 || !(call.attr[0] >= 0 && call.attr[0] < kBlockTypes)) return "no such type of blocks";
  const int type = static_cast<int>(call.attr[0]);
  if (!quantizer_of(type)) return "blocks of this type are read only";
  const Shape& shape = call.in[0].shape;
  if (shape.rank == 0 || shape[-1] % kBlockElements[type] != 0) return "a row is no multiple of a block";
  call.n_out = 2;
  call.out[0].dtype = DType::kU8;
  call.out[0].shape = shape;
  call.out[0].shape[-1] = shape[-1] / kBlockElements[type] * kBlockBytes[type];
  call.out[1].dtype = DType::kF64;
  call.out[1].shape.rank = 2;
  call.out[1].shape.dims[0] = runs_of(shape.size());
  call.out[1].shape.dims[1] = kSums;
  return nullptr;
}

void add_errors(const float* x, const float* y, int64_t n, double* sums) {
  for (int64_t i = 0; i < n; ++i) {
    const double a = x[i], b = y[i], error = std::fabs(a - b);
    sums[0] = std::max(sums[0], error);
    sums[1] += error;
    sums[2] += a * b;
    sums[3] += a * a;
    sums[4] += b * b;
  }
}

const char* quantize(OpCall& call, Parallel& parallel) {
  const int type = static_cast<int>(call.attr[0]);
  const QuantizeBlock put = quantizer_of(type);
  const int64_t elements = kBlockElements[type], bytes = kBlockBytes[type], size = call.in[0].shape.size();
  const auto dequantize = call.kernels->blocks.dequantize[type];
  const float* x = call.in[0].as<float>();
  uint8_t* out = call.out[0].as<uint8_t>();
  std::atomic<const char*> trouble{nullptr};
  parallel.each(runs_of(size), [&](int64_t run, int) {
    double* sums = call.out[1].as<double>() + run * kSums;
    std::fill(sums, sums + kSums, 0.0);
    const int64_t end = std::min(size, (run + 1) * kElements);
    for (int64_t i = run * kElements; i < end; i += elements) {
      uint8_t* block = out + i / elements * bytes;
      if (!std::all_of(x + i, x + i + elements, [](float value) { return std::isfinite(value); })) {
        trouble.store("a number is not finite");
        return;
      }
      if (!put(x + i, block)) {
        trouble.store("a number is too large for a scale of 16 bits");
        return;
      }
      float back[kMostBlockElements];
      dequantize(block, 1, back);
      add_errors(x + i, back, elements, sums);
    }
  });
  return trouble.load();
}

const char* cpu(OpCall& call) {
  return quantize(call, *call.parallel);
}

// The same on one thread: what a block becomes is a search, of which there is one.
const char* reference(OpCall& call) {
  Serial serial;
  return quantize(call, serial);
}

}  // namespace

OpDef quantize_op() {
  return {"quantize", infer, cpu, reference, -1};
}

}  // namespace nt
