#include "cpu/simd/vec_avx2.h"
#define NT_ISA avx2
#include "cpu/isa/families.inl"
