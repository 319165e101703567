// Panels: the layout in which a weight W[N, K] is multiplied. Panel p holds rows [p * width, (p + 1) * width) of W as
// [K][width], so that one step of k reads `width` neighbouring numbers; rows beyond N are zeros. It is an exact
// permutation of the numbers in their own type; what `width` is depends on the instruction set alone.
#pragma once
#include <cstdint>

#include "core/dtype.h"
#include "core/parallel.h"

namespace nt {

struct Kernels;

// The width that the GEMM of these kernels reads.
int panel_width(const Kernels* kernels);

// Whether a weight of this type can be multiplied: float32, float16, bfloat16.
bool packable(DType dtype);

// The size of the panels of W[N, K].
int64_t panel_bytes(DType dtype, int64_t n, int64_t k, int width);

// W row-major [N, K] to panels.
void pack_panels(const void* from, DType dtype, int64_t n, int64_t k, const Kernels* kernels, void* to,
                 Parallel& parallel);

// Wᵀ row-major [K, N], with rows `row_stride` elements apart, to panels of W.
void pack_panels_transposed(const void* from, int64_t row_stride, DType dtype, int64_t n, int64_t k,
                            const Kernels* kernels, void* to, Parallel& parallel);

// The inverses: panels back to row-major [N, K] or [K, N].
void unpack_panels(const void* from, DType dtype, int64_t n, int64_t k, int width, void* to, Parallel& parallel);
void unpack_panels_transposed(const void* from, DType dtype, int64_t n, int64_t k, int width, void* to,
                              Parallel& parallel);

}  // namespace nt
