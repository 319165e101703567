// The kernels of one instruction set. Each family declares its own struct in ops/<family>/kernels.h.
#pragma once
#include "cpu/crc32c.h"
#include "ops/attention/kernels.h"
#include "ops/blocks/kernels.h"
#include "ops/elementwise/kernels.h"
#include "ops/embedding-resize/kernels.h"
#include "ops/embedding/kernels.h"
#include "ops/matmul/kernels.h"
#include "ops/norm/kernels.h"
#include "ops/random/kernels.h"
#include "ops/reduce/kernels.h"
#include "ops/rope/kernels.h"
#include "ops/softmax/kernels.h"

namespace nt {

struct Kernels {
  const char* isa;  // generic, avx2, avx512 or neon
  MatmulKernels matmul;
  ElementwiseKernels elementwise;
  EmbeddingKernels embedding;
  NormKernels norm;
  ReduceKernels reduce;
  RopeKernels rope;
  SoftmaxKernels softmax;
  AttentionKernels attention;
  EmbeddingResizeKernels embedding_resize;
  RandomKernels random;
  BlockKernels blocks;
  Crc32c crc32c;
};

// Levels that this build has and this CPU can run, in rising order; the last is the best. Ends with null.
const Kernels* const* available_kernels();

// The level of that name; null when the name is unknown or the CPU cannot run it.
const Kernels* kernels_for(const char* isa);

// The best level, or the one that the environment variable NATIVE_TRANSFORMERS_ISA names. Null when the variable cannot
// be obeyed; *problem then says why (static text), else it is null.
const Kernels* default_kernels(const char** problem);

}  // namespace nt
