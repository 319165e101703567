// The functions of native/math in double precision by the C library: what the fast ones are measured against.
#pragma once
#include "ops/elementwise/kernels.h"

namespace nt {

using ExactUnary = double (*)(double);

ExactUnary exact_unary(int unary_op);

// The activation of math/activation.h with that number.
double exact_activation(int id, double x);

}  // namespace nt
