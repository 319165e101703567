// What the blocks family has compiled for one instruction set.
#pragma once
#include <cstdint>

namespace nt {

// The numbers are part of the addon's interface: lib/tensor/ops/blocks.ts lists them in the same order.
enum BlockType : int {
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kMXFP4,
  kBlockTypes
};

constexpr int kMostBlockElements = 256;

// Elements of a block and its bytes, in the order of BlockType. Source: ggml-common.h.
constexpr int kBlockElements[kBlockTypes] = {32, 32, 32, 32, 32, 256, 256, 256, 256, 256, 32, 256, 32};
constexpr int kBlockBytes[kBlockTypes] = {18, 20, 22, 24, 34, 84, 110, 144, 176, 210, 18, 136, 17};

// The values of four bits in IQ4_NL and IQ4_XS, and those of E2M1, doubled, in MXFP4. Sources: ggml-common.h; OCP
// Microscaling Formats 1.0.
constexpr int8_t kIQ4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr int8_t kE2M1Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

struct BlockKernels {
  // `blocks` blocks from x, one behind the other, become numbers. Every instruction set gives the same bits.
  void (*dequantize[kBlockTypes])(const uint8_t* x, int64_t blocks, float* out);
};

}  // namespace nt
