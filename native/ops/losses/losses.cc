// cross_entropy(logits, labels): as torch.nn.functional.cross_entropy with mean reduction.
//   inputs  logits: float32 [N, C]; labels: int64 or int32 [N]
//   attrs   [ignore_index]
//   output  float32 scalar: the mean of ln sum e^logits - logits[label] over the rows whose label is not ignore_index;
//           NaN when there is none. Fails with "label out of range" for a label that is no class.
// mse_loss(a, b): the mean of (a - b)².
//   inputs  a, b: float32, the same shape
//   output  float32 scalar; NaN when empty
// binary_cross_entropy_with_logits(x, y): the mean of max(x, 0) - x y + ln(1 + e^-|x|).
//   inputs  x, y: float32, the same shape
//   output  float32 scalar; NaN when empty
// Terms are float32, their sum is double, in chunks of fixed size: it does not depend on threads.
#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/kernels.h"
#include "ops/check.h"

namespace nt {
namespace {

void write_mean(OpCall& call, double sum, int64_t count) {
  *call.out[0].as<float>() =
      count ? static_cast<float>(sum / static_cast<double>(count)) : std::numeric_limits<float>::quiet_NaN();
}

void scalar_output(InferCall& call) {
  call.out[0].dtype = DType::kF32;
  call.out[0].shape = Shape();
}

const char* cross_entropy_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "needs logits and labels";
  const TensorView &logits = call.in[0], &labels = call.in[1];
  if (logits.dtype != DType::kF32 || logits.shape.rank != 2) return "the logits must be float32 [N, C]";
  if (!is_index(labels.dtype) || labels.shape.rank != 1 || labels.shape[0] != logits.shape[0])
    return "the labels must be int64 or int32 [N]";
  if (call.n_attr < 1) return "needs ignore_index";
  scalar_output(call);
  return nullptr;
}

const char* check_labels(OpCall& call) {
  for (int64_t i = 0; i < call.in[1].shape[0]; ++i) {
    const int64_t label = index_at(call.in[1], i);
    if (static_cast<double>(label) != call.attr[0] && (label < 0 || label >= call.in[0].shape[1]))
      return "label out of range";
  }
  return nullptr;
}

const char* cross_entropy_cpu(OpCall& call) {
  if (const char* reason = check_labels(call)) return reason;
  const int64_t rows = call.in[0].shape[0], n = call.in[0].shape[1];
  float* losses = static_cast<float*>(call.scratch->take(rows * 4));
  if (!losses) return "out of memory";
  const auto log_sum_exp = call.kernels->softmax.log_sum_exp;
  const auto counts = [&](int64_t i) { return static_cast<double>(index_at(call.in[1], i)) != call.attr[0]; };
  call.parallel->ranges(rows, row_grain(n, 2048), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const float* x = call.in[0].as<float>() + i * n;
      if (counts(i)) losses[i] = log_sum_exp(x, n) - x[index_at(call.in[1], i)];
    }
  });
  double sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < rows; ++i)
    if (counts(i)) sum += losses[i], ++count;
  write_mean(call, sum, count);
  return nullptr;
}

const char* cross_entropy_reference(OpCall& call) {
  if (const char* reason = check_labels(call)) return reason;
  const int64_t n = call.in[0].shape[1];
  double loss = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < call.in[0].shape[0]; ++i) {
    const int64_t label = index_at(call.in[1], i);
    if (static_cast<double>(label) == call.attr[0]) continue;
    const float* x = call.in[0].as<float>() + i * n;
    double top = -INFINITY, sum = 0;
    for (int64_t c = 0; c < n; ++c) top = std::max<double>(top, x[c]);
    for (int64_t c = 0; c < n; ++c) sum += std::exp(x[c] - top);
    loss += std::log(sum) + top - x[label];
    ++count;
  }
  write_mean(call, loss, count);
  return nullptr;
}

const char* pair_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "needs two inputs";
  if (call.in[0].dtype != DType::kF32 || call.in[1].dtype != DType::kF32) return "takes float32";
  if (call.in[0].shape != call.in[1].shape) return "shapes differ";
  scalar_output(call);
  return nullptr;
}

double squared_error(double a, double b) {
  return (a - b) * (a - b);
}
double logit_error(double x, double y) {
  return (x > 0 ? x : x == x ? 0 : x) - x * y + std::log1p(std::exp(-std::fabs(x)));
}

template <double (*term)(double, double)>
const char* pair_reference(OpCall& call) {
  double sum = 0;
  for (int64_t i = 0; i < call.in[0].shape.size(); ++i)
    sum += term(call.in[0].as<float>()[i], call.in[1].as<float>()[i]);
  write_mean(call, sum, call.in[0].shape.size());
  return nullptr;
}

template <double (*term)(double, double)>
const char* pair_cpu(OpCall& call) {
  constexpr int64_t kChunk = 4096;
  const int64_t n = call.in[0].shape.size(), chunks = (n + kChunk - 1) / kChunk;
  double* sums = static_cast<double*>(call.scratch->take(chunks * 8));
  if (!sums) return "out of memory";
  const float *a = call.in[0].as<float>(), *b = call.in[1].as<float>();
  call.parallel->ranges(n, kChunk, [=](int64_t begin, int64_t end, int) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += term(a[i], b[i]);
    sums[begin / kChunk] = sum;
  });
  double sum = 0;
  for (int64_t i = 0; i < chunks; ++i) sum += sums[i];
  write_mean(call, sum, n);
  return nullptr;
}

}  // namespace

OpDef cross_entropy_op() {
  return {"cross_entropy", cross_entropy_infer, cross_entropy_cpu, cross_entropy_reference, -1};
}
OpDef mse_loss_op() {
  return {"mse_loss", pair_infer, pair_cpu<squared_error>, pair_reference<squared_error>, -1};
}
OpDef binary_cross_entropy_with_logits_op() {
  return {"binary_cross_entropy_with_logits", pair_infer, pair_cpu<logit_error>, pair_reference<logit_error>, -1};
}

}  // namespace nt
