#include "cpu/simd/vec_avx512.h"
#define NT_ISA avx512
#include "cpu/isa/families.inl"
