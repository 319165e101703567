// What the random family has compiled for one instruction set.
#pragma once
#include <cstdint>

namespace nt {

struct RandomKernels {
  // Box and Muller's method: `pairs` pairs of numbers in (0, 1) become 2 * pairs normal ones.
  void (*normal)(const float* radius, const float* angle, int64_t pairs, float mean, float std, float* out);
};

}  // namespace nt
