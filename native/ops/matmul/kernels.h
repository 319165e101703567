// What the matmul family has compiled for one instruction set.
#pragma once
#include <cstdint>

#include "core/dtype.h"
#include "cpu/simd/element.h"
#include "math/activation.h"

namespace nt {

// Where the words of a panel lie in a row-major matrix: rows of W[N, K], or columns of Wᵀ[K, N] when transposed.
struct PanelSource {
  const void* rows;    // the first word of the panel
  int64_t row_stride;  // in words
  int item;            // bytes of a word: 2 or 4
  bool transposed;
};

// C[M, N] = activation(A[M, K] · Wᵀ + bias) + residual, with W[N, K] as panels (cpu/gemm/pack.h), or as the rows of W,
// of which each block makes the panels that it needs: the same bits.
struct Gemm {
  int64_t m, n, k;
  const float* a;  // rows a_stride apart
  int64_t a_stride;
  const void* panels;  // of w_type: float32, float16 or bfloat16; or null
  const void* rows;    // instead: row-major W[N, K], or Wᵀ[K, N] when rows_transposed
  bool rows_transposed;
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
  // Makes a panel [k][panel_width] of `columns` rows of W; zeros where there is no row.
  void (*pack)(const PanelSource& from, int64_t columns, int64_t k, void* panel);
};

}  // namespace nt
