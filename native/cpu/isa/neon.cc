#include "cpu/simd/vec_neon.h"
#define NT_ISA neon
#include "cpu/isa/families.inl"
