// The contract of an op: what it is called, what it accepts, and its implementations.
#pragma once
#include "core/parallel.h"
#include "core/tensor.h"

namespace nt {

struct Kernels;  // cpu/kernels.h: the kernels of one instruction set

// Temporary memory that lives until the op returns. 64-byte aligned; null when the memory limit is reached.
class Scratch {
 public:
  virtual ~Scratch() = default;
  virtual void* take(int64_t bytes) = 0;
};

// What infer sees: specs, not data. in[i].present is false for an input that was left out.
struct InferCall {
  const TensorView* in;
  int n_in;
  const double* attr;
  int n_attr;
  Spec* out;      // room for kMaxOutputs
  int n_out = 1;  // infer may change it
};

struct OpCall {
  const TensorView* in;
  int n_in;
  const double* attr;
  int n_attr;
  TensorView* out;
  int n_out;
  const Kernels* kernels;
  Parallel* parallel;
  Scratch* scratch;
};

constexpr int kMaxInputs = 16;
constexpr int kMaxOutputs = 4;
constexpr int kMaxAttrs = 24;

// Both return null when all is well, else a short static reason without names or numbers ("index out of range"):
// lib/tensor puts the op's name and the operands' shapes around it.
using Infer = const char* (*)(InferCall&);
using Run = const char* (*)(OpCall&);

struct OpDef {
  const char* name;   // as in PyTorch
  Infer infer;        // runs at the call, on the JS thread: checks shapes and dtypes, gives the outputs' specs
  Run cpu;            // the fast kernel: takes what it needs from call.kernels
  Run reference;      // the slow, obvious twin, double accumulators
  int packed_input;   // index of the operand that is best held as panels, or -1
  int in_place = -1;  // index of the operand that the one output is, changed, or -1
};

// All ops, in the order of ops/list.def; an op's number is its place here.
const OpDef* ops();
int op_count();

}  // namespace nt
