// Storage types of 16-bit floats, so that Vec::load and Vec::store can be chosen by pointer type.
#pragma once
#include <cstdint>

namespace nt {

struct F16 {
  uint16_t bits;
};

struct BF16 {
  uint16_t bits;
};

}  // namespace nt
