#include "cpu/simd/vec_generic.h"
#define NT_ISA generic
#include "cpu/isa/families.inl"
