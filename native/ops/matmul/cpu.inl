// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl).

static constexpr MatmulKernels kMatmul = {2 * Vec::kLanes};
