// What the matmul family has compiled for one instruction set.
#pragma once

namespace nt {

struct MatmulKernels {
  int panel_width;  // columns of one weight panel: see cpu/gemm/pack.h
};

}  // namespace nt
