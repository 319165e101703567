// The one door to matrix multiplication on the CPU.
#pragma once
#include "core/parallel.h"
#include "cpu/kernels.h"

namespace nt {

// Bytes of scratch that gemm() needs, 64-byte aligned.
int64_t gemm_scratch_bytes(const Kernels& kernels, const Parallel& parallel);

// Computes the whole of C. Its bits depend on the kernels alone: on neither the number of workers nor the other rows.
void gemm(const Kernels& kernels, const Gemm& gemm, Parallel& parallel, void* scratch);

}  // namespace nt
