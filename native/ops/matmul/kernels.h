// What the matmul family has compiled for one instruction set.
#pragma once
#include <cstdint>

#include "core/dtype.h"
#include "cpu/simd/element.h"
#include "math/activation.h"

namespace nt {

// C[M, N] = activation(A[M, K] · Wᵀ + bias) + residual, with W[N, K] as panels (cpu/gemm/pack.h).
struct Gemm {
  int64_t m, n, k;
  const float* a;  // rows a_stride apart
  int64_t a_stride;
  const void* panels;  // of w_type: float32, float16 or bfloat16
  DType w_type;
  const void* bias;  // [N] of bias_type, one of the same three; or null
  DType bias_type;
  int activation;         // math/activation.h
  const float* residual;  // row-major [M, N], or null
  float* c;               // row-major [M, N]
};

// A piece of C: whole panels, so that columns are [first_panel * width, last_panel * width) or up to N.
struct GemmBlock {
  int64_t first_row, last_row, first_panel, last_panel;
};

// An engine. Another one (tiles of an AMX unit, say) is another such struct with its own panels.
struct MatmulKernels {
  int panel_width;
  int64_t block_rows, block_panels;  // the largest block that `block` takes
  int64_t scratch_bytes;             // that `block` needs, 64-byte aligned
  // Computes a block of C. Which block a number stands in, and how large that block is, does not change its bits.
  void (*block)(const Gemm& gemm, const GemmBlock& block, void* scratch);
};

}  // namespace nt
