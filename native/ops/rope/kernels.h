// What the rope family has compiled for one instruction set.
#pragma once
#include <cstdint>

namespace nt {

struct RopeKernels {
  // cosines and sines of position * inv_freq[i] for i below n
  void (*angles)(float position, const float* inv_freq, float* cosines, float* sines, int64_t n);
  // first' = first cos - second sin, second' = second cos + first sin
  void (*rotate)(const float* first, const float* second, const float* cosines, const float* sines, float* first_out,
                 float* second_out, int64_t n);
};

}  // namespace nt
