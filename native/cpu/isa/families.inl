// The body of cpu/isa/<isa>.cc: NT_ISA names the namespace of the vector header that was included before. A new family
// adds its kernels.h to cpu/kernels.h, its cpu.inl here and its struct to the list at the end.
#include "cpu/kernels.h"

#define NT_STRING(x) #x
#define NT_NAME(x) NT_STRING(x)

namespace nt {
namespace NT_ISA {

// Later ones use what earlier ones declare.
// clang-format off
#include "ops/matmul/cpu.inl"
#include "ops/loops.inl"
#include "ops/elementwise/cpu.inl"
#include "ops/embedding/cpu.inl"
#include "ops/norm/cpu.inl"
#include "ops/reduce/cpu.inl"
#include "ops/rope/cpu.inl"
#include "ops/softmax/cpu.inl"
#include "ops/attention/cpu.inl"
#include "ops/embedding-resize/cpu.inl"
#include "ops/random/cpu.inl"
#include "ops/blocks/cpu.inl"
#include "cpu/simd/crc32c.inl"
// clang-format on

extern const Kernels kKernels;
const Kernels kKernels = {
    NT_NAME(NT_ISA), kMatmul,    kElementwise,     kEmbedding, kNorm,   kReduce, kRope,
    kSoftmax,        kAttention, kEmbeddingResize, kRandom,    kBlocks, crc32c,
};

}  // namespace NT_ISA
}  // namespace nt
