// cholesky(a): the lower triangular L with L Lᵀ = scale · a; all zeros where scale · a is not positive definite, so
// that what is drawn with it has no variance.
//   inputs  a: float32 [N, N], symmetric; its lower triangle is read
//   attrs   [scale]
//   output  float32 [N, N], zeros above the diagonal
// In float32, a strip of columns at a time. Parallel over the rows below a strip.
#include <algorithm>
#include <cmath>
#include <vector>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

const char* infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs a matrix";
  const TensorView& a = call.in[0];
  if (a.dtype != DType::kF32) return "the matrix must be float32";
  if (a.shape.rank != 2 || a.shape[0] != a.shape[1]) return "the matrix must be square";
  if (call.n_attr < 1) return "needs a factor";
  call.out[0] = a;
  return nullptr;
}

constexpr int64_t kStrip = 64, kGrain = 16;

// Columns [first, last) of row i, from those before and the rows above. False when the pivot is not positive.
bool find_row(OpCall& call, int64_t i, int64_t first, int64_t last) {
  const int64_t n = call.in[0].shape[0];
  const float scale = static_cast<float>(call.attr[0]);
  const float* a = call.in[0].as<float>() + i * n;
  float* l = call.out[0].as<float>();
  for (int64_t j = first; j < std::min(last, i + 1); ++j) {
    const float rest = scale * a[j] - call.kernels->embedding_resize.dot(l + i * n, l + j * n, j);
    if (j == i) {
      if (!(rest > 0.0f)) return false;
      l[i * n + i] = std::sqrt(rest);
    } else {
      l[i * n + j] = rest / l[j * n + j];
    }
  }
  return true;
}

const char* cpu(OpCall& call) {
  const int64_t n = call.in[0].shape[0];
  float* l = call.out[0].as<float>();
  std::fill(l, l + n * n, 0.0f);
  for (int64_t first = 0; first < n; first += kStrip) {
    const int64_t last = std::min(n, first + kStrip);
    for (int64_t i = first; i < last; ++i)
      if (!find_row(call, i, first, last)) {
        std::fill(l, l + n * n, 0.0f);
        return nullptr;
      }
    call.parallel->ranges(n - last, kGrain, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = last + begin; i < last + end; ++i) find_row(call, i, first, last);
    });
  }
  return nullptr;
}

const char* reference(OpCall& call) {
  const int64_t n = call.in[0].shape[0];
  std::vector<double> l(static_cast<size_t>(n * n), 0.0);
  const auto at = [&](int64_t i, int64_t j) -> double& { return l[static_cast<size_t>(i * n + j)]; };
  bool positive = true;
  for (int64_t i = 0; i < n && positive; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      double rest = call.attr[0] * static_cast<double>(call.in[0].as<float>()[i * n + j]);
      for (int64_t k = 0; k < j; ++k) rest -= at(i, k) * at(j, k);
      if (i == j && !(rest > 0)) positive = false;
      at(i, j) = i == j ? std::sqrt(rest) : rest / at(j, j);
    }
  for (int64_t i = 0; i < n * n; ++i)
    call.out[0].as<float>()[i] = positive ? static_cast<float>(l[static_cast<size_t>(i)]) : 0.0f;
  return nullptr;
}

}  // namespace

OpDef cholesky_op() {
  return {"cholesky", infer, cpu, reference, -1};
}

}  // namespace nt
