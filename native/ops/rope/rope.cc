// rotary_embedding(x, positions, inv_freq): pairs of each head turned by an angle that grows with the position.
//   inputs  x: float32 [N, H * D]; positions: int32 or int64 [N]; inv_freq: float32 [rotary_dim / 2], may be left out
//   attrs   [H, theta, rotary_dim, interleaved, scaling]: rotary_dim even and at most D, the rest of a head is copied;
//           interleaved 0: element i pairs with i + rotary_dim / 2, 1: 2i with 2i + 1; scaling: factor on what is
//           turned
//   output  float32 [N, H * D]: pair i turned by position * inv_freq[i], theta^(-2i / rotary_dim) when it is left out
// inv_freq and the angles are float32, as in PyTorch. Parallel over tokens; the angles of a token serve all heads.
// Sources: Su et al. 2021, arXiv:2104.09864; other frequencies and the factor: Peng et al. 2023, arXiv:2309.00071.
#include <cmath>
#include <cstring>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

struct Rope {
  int64_t heads, d, half;
  bool interleaved;
  float scaling;

  explicit Rope(const OpCall& call)
      : heads(static_cast<int64_t>(call.attr[0])),
        d(call.in[0].shape[1] / heads),
        half(static_cast<int64_t>(call.attr[2]) / 2),
        interleaved(call.attr[3] != 0),
        scaling(static_cast<float>(call.attr[4])) {}
};

const char* rope_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "needs x and positions";
  const TensorView &x = call.in[0], &positions = call.in[1];
  if (call.n_attr < 5) return "needs five attributes";
  const int64_t heads = static_cast<int64_t>(call.attr[0]), rotary = static_cast<int64_t>(call.attr[2]);
  if (x.dtype != DType::kF32 || x.shape.rank != 2) return "x must be float32 [N, H * D]";
  if (!is_index(positions.dtype) || positions.shape.rank != 1 || positions.shape[0] != x.shape[0])
    return "positions must be int32 or int64 [N]";
  if (heads < 1 || x.shape[1] % heads) return "the width must be the number of heads times the head size";
  if (rotary < 0 || rotary % 2 || rotary > x.shape[1] / heads)
    return "rotary_dim must be even and at most the head size";
  if (has_input(call, 2) && (call.in[2].dtype != DType::kF32 || call.in[2].shape.size() != rotary / 2))
    return "inv_freq must be float32 [rotary_dim / 2]";
  call.out[0] = x;
  return nullptr;
}

float inverse_frequency(const OpCall& call, int64_t i) {
  if (has_input(call, 2)) return call.in[2].as<float>()[i];
  const float exponent = static_cast<float>(2 * i) / static_cast<float>(call.attr[2]);
  return 1.0f / static_cast<float>(std::pow(static_cast<double>(static_cast<float>(call.attr[1])), exponent));
}

// Pairs that stand next to each other. Sums and products as in rope_rotate.
void rotate_interleaved(const float* x, const float* cosines, const float* sines, float* out, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    out[2 * i] = a * cosines[i] - b * sines[i];
    out[2 * i + 1] = b * cosines[i] + a * sines[i];
  }
}

const char* rope_cpu(OpCall& call) {
  const Rope s(call);
  const RopeKernels& kernels = call.kernels->rope;
  const int64_t workers = call.parallel->workers(), padded = (s.half + 15) / 16 * 16;
  float* inv_freq = static_cast<float*>(call.scratch->take(padded * (1 + 2 * workers) * 4));
  if (!inv_freq) return "out of memory";
  for (int64_t i = 0; i < s.half; ++i) inv_freq[i] = inverse_frequency(call, i);
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  const int64_t width = s.heads * s.d;
  call.parallel->ranges(call.in[0].shape[0], row_grain(width, 8192), [&](int64_t begin, int64_t end, int worker) {
    float *cosines = inv_freq + padded * (1 + 2 * worker), *sines = cosines + padded;
    for (int64_t token = begin; token < end; ++token) {
      kernels.angles(static_cast<float>(index_at(call.in[1], token)), inv_freq, cosines, sines, s.half);
      for (int64_t i = 0; i < s.half; ++i) cosines[i] *= s.scaling, sines[i] *= s.scaling;
      for (int64_t at = token * width; at < (token + 1) * width; at += s.d) {
        if (s.interleaved)
          rotate_interleaved(x + at, cosines, sines, out + at, s.half);
        else
          kernels.rotate(x + at, x + at + s.half, cosines, sines, out + at, out + at + s.half, s.half);
        std::memcpy(out + at + 2 * s.half, x + at + 2 * s.half, static_cast<size_t>(s.d - 2 * s.half) * 4);
      }
    }
  });
  return nullptr;
}

const char* rope_reference(OpCall& call) {
  const Rope s(call);
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  for (int64_t row = 0; row < call.in[0].shape[0] * s.heads; ++row) {
    const float position = static_cast<float>(index_at(call.in[1], row / s.heads));
    for (int64_t i = 0; i < s.d; ++i) out[row * s.d + i] = x[row * s.d + i];
    for (int64_t i = 0; i < s.half; ++i) {
      const int64_t first = row * s.d + (s.interleaved ? 2 * i : i);
      const int64_t second = s.interleaved ? first + 1 : first + s.half;
      const float angle = position * inverse_frequency(call, i);
      const double c = std::cos(static_cast<double>(angle)) * s.scaling;
      const double sine = std::sin(static_cast<double>(angle)) * s.scaling;
      out[first] = static_cast<float>(x[first] * c - x[second] * sine);
      out[second] = static_cast<float>(x[second] * c + x[first] * sine);
    }
  }
  return nullptr;
}

}  // namespace

OpDef rotary_embedding_op() {
  return {"rotary_embedding", rope_infer, rope_cpu, rope_reference, -1};
}

}  // namespace nt
