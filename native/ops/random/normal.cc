// normal(): independent numbers of the normal distribution.
//   inputs  none
//   attrs   [seed, second half of the seed, mean, std, dims…]; the halves are whole numbers below 2^32
//   output  float32 of those dims
// Every number is a function of the seed and its place (SplitMix64 over a counter, Steele et al. 2014; then Box and
// Muller), so threads change nothing. Parallel over blocks of places.
#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

constexpr int kHead = 4;
constexpr int64_t kPairs = 256;  // of a block: its first half are cosines, its second sines

const char* infer(InferCall& call) {
  if (call.n_attr < kHead || call.n_attr - kHead > kMaxRank) return "needs a seed, a mean, a deviation and a shape";
  for (int i = 0; i < 2; ++i)
    if (!(call.attr[i] >= 0 && call.attr[i] < 4294967296.0)) return "a half of the seed must be below 2^32";
  Spec& out = call.out[0];
  out.dtype = DType::kF32;
  out.shape = Shape();
  for (int i = kHead; i < call.n_attr; ++i) out.shape.dims[out.shape.rank++] = static_cast<int64_t>(call.attr[i]);
  return nullptr;
}

uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Two numbers of 23 bits, in the middle of their steps: never 0 or 1.
void draw(const double* attr, int64_t pair, float* radius, float* angle) {
  const uint64_t seed = static_cast<uint64_t>(attr[0]) << 32 | static_cast<uint64_t>(attr[1]);
  const uint64_t bits = mixed(mixed(seed) + 0x9e3779b97f4a7c15u * (static_cast<uint64_t>(pair) + 1));
  constexpr float kStep = 1.0f / 8388608.0f;
  *radius = (static_cast<float>(bits >> 41) + 0.5f) * kStep;
  *angle = (static_cast<float>(bits >> 9 & 0x7fffff) + 0.5f) * kStep;
}

const char* cpu(OpCall& call) {
  const int64_t n = call.out[0].shape.size();
  const float mean = static_cast<float>(call.attr[2]), std = static_cast<float>(call.attr[3]);
  float* out = call.out[0].as<float>();
  const int64_t blocks = (n + 2 * kPairs - 1) / (2 * kPairs);
  call.parallel->ranges(blocks, 64, [&](int64_t first, int64_t last, int) {
    for (int64_t block = first; block < last; ++block) {
      float radius[kPairs], angle[kPairs], whole[2 * kPairs];
      for (int64_t i = 0; i < kPairs; ++i) draw(call.attr, block * kPairs + i, radius + i, angle + i);
      float* to = out + block * 2 * kPairs;
      const int64_t left = std::min(2 * kPairs, n - block * 2 * kPairs);
      call.kernels->random.normal(radius, angle, kPairs, mean, std, left == 2 * kPairs ? to : whole);
      if (left < 2 * kPairs) std::copy(whole, whole + left, to);
    }
  });
  return nullptr;
}

const char* reference(OpCall& call) {
  for (int64_t i = 0; i < call.out[0].shape.size(); ++i) {
    const int64_t block = i / (2 * kPairs), place = i % (2 * kPairs);
    float radius, angle;
    draw(call.attr, block * kPairs + place % kPairs, &radius, &angle);
    const double r = call.attr[3] * std::sqrt(-2 * std::log(static_cast<double>(radius)));
    const double turn = 6.283185307179586 * static_cast<double>(angle);
    call.out[0].as<float>()[i] =
        static_cast<float>(call.attr[2] + r * (place < kPairs ? std::cos(turn) : std::sin(turn)));
  }
  return nullptr;
}

}  // namespace

OpDef normal_op() {
  return {"normal", infer, cpu, reference, -1};
}

}  // namespace nt
