// CRC-32 with Castagnoli's polynomial, the sum of TensorFlow's checkpoints.
#pragma once
#include <cstdint>

namespace nt {

// The sum of n bytes behind others whose sum is `before` (0 for none).
using Crc32c = uint32_t (*)(const uint8_t* bytes, int64_t n, uint32_t before);

}  // namespace nt
