// pool(x, cu_seqlens): one vector for each of B concatenated sequences, as sentence-transformers' Pooling has them.
//   inputs  x: float32 [N, C]; cu_seqlens: int32 [B + 1]
//   attrs   [mode]: 0 cls (the first token), 1 max, 2 mean, 3 mean_sqrt_len (sum / sqrt(length)), 4 weightedmean (token
//           i of 1, 2, … has weight i), 5 lasttoken
//   output  float32 [B, C]; zeros for a sequence of no tokens
// mean_pooling(x, mask): the mean of the tokens that the mask keeps.
//   inputs  x: float32 [B, T, C]; mask: int64, int32, bool, uint8 or float32 [B, T]
//   attrs   none
//   output  float32 [B, C]: sum mask x / max(sum mask, 1e-9)
// Sums are float32, token by token. Parallel over sequences and blocks of C.
#include <cmath>

#include "cpu/kernels.h"
#include "ops/sequences.h"

namespace nt {
namespace {

enum Mode { kCls, kMax, kMean, kMeanSqrtLen, kWeightedMean, kLastToken, kModes };

constexpr int64_t kColumns = 256;

const char* pool_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "needs x and cu_seqlens";
  const TensorView &x = call.in[0], &offsets = call.in[1];
  if (x.dtype != DType::kF32 || x.shape.rank != 2) return "x must be float32 [N, C]";
  if (offsets.dtype != DType::kI32 || offsets.shape.rank != 1 || offsets.shape[0] < 1)
    return "cu_seqlens must be int32 [B + 1]";
  if (call.n_attr < 1 || !(call.attr[0] >= 0 && call.attr[0] < kModes)) return "no such mode";
  call.out[0].dtype = DType::kF32;
  call.out[0].shape = {2, {offsets.shape[0] - 1, x.shape[1]}};
  return nullptr;
}

double pool_scale(int mode, int64_t length) {
  const double n = static_cast<double>(length);
  switch (mode) {
    case kMean:
      return 1 / n;
    case kMeanSqrtLen:
      return 1 / std::sqrt(n);
    case kWeightedMean:
      return 2 / (n * (n + 1));
    default:
      return 1;
  }
}

const char* pool_cpu(OpCall& call) {
  const Sequences batch(call.in[1]);
  const int64_t tokens = call.in[0].shape[0], n = call.in[0].shape[1], blocks = (n + kColumns - 1) / kColumns;
  if (const char* reason = batch.check(tokens, tokens)) return reason;
  const int mode = static_cast<int>(call.attr[0]);
  float* ramp = static_cast<float*>(call.scratch->take(batch.longest_sequence() * 4));
  if (!ramp) return "out of memory";
  for (int64_t i = 0; i < batch.longest_sequence(); ++i) ramp[i] = static_cast<float>(i + 1);
  const ReduceKernels& kernels = call.kernels->reduce;
  const int64_t mean_size = batch.sequences ? tokens / batch.sequences * kColumns : 1;
  call.parallel->ranges(batch.sequences * blocks, row_grain(mean_size, 16384), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / blocks, c = i % blocks * kColumns, width = n - c < kColumns ? n - c : kColumns;
      const float* x = call.in[0].as<float>() + batch.offset(b) * n + c;
      float* out = call.out[0].as<float>() + b * n + c;
      const int64_t length = batch.length(b), rows = mode == kCls || mode == kLastToken ? 1 : length;
      if (mode == kLastToken && length) x += (length - 1) * n;
      if (mode == kMax && length)
        kernels.max_of_rows(x, n, length, out, width);
      else
        kernels.weighted_sum(x, n, mode == kWeightedMean ? ramp : nullptr, length ? rows : 0,
                             length ? static_cast<float>(pool_scale(mode, length)) : 0.0f, out, width);
    }
  });
  return nullptr;
}

double pool_column(const float* x, int64_t stride, int64_t length, int mode) {
  double sum = 0, top = -INFINITY;
  for (int64_t i = 0; i < length; ++i) {
    const double v = x[i * stride];
    const bool counts = mode == kCls ? i == 0 : mode == kLastToken ? i == length - 1 : true;
    if (counts) sum += v * (mode == kWeightedMean ? static_cast<double>(i + 1) : 1);
    top = v > top || std::isnan(v) || std::isnan(top) ? (std::isnan(top) ? top : v) : top;
  }
  return !length ? 0 : mode == kMax ? top : sum * pool_scale(mode, length);
}

const char* pool_reference(OpCall& call) {
  const Sequences batch(call.in[1]);
  const int64_t tokens = call.in[0].shape[0], n = call.in[0].shape[1];
  if (const char* reason = batch.check(tokens, tokens)) return reason;
  for (int64_t b = 0; b < batch.sequences; ++b)
    for (int64_t c = 0; c < n; ++c)
      call.out[0].as<float>()[b * n + c] = static_cast<float>(pool_column(
          call.in[0].as<float>() + batch.offset(b) * n + c, n, batch.length(b), static_cast<int>(call.attr[0])));
  return nullptr;
}

const char* mean_pooling_infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "needs x and a mask";
  const TensorView &x = call.in[0], &mask = call.in[1];
  if (x.dtype != DType::kF32 || x.shape.rank != 3) return "x must be float32 [B, T, C]";
  if (!is_index(mask.dtype) && mask.dtype != DType::kBool && mask.dtype != DType::kU8 && mask.dtype != DType::kF32)
    return "the mask must be int64, int32, bool, uint8 or float32";
  if (mask.shape.rank != 2 || mask.shape[0] != x.shape[0] || mask.shape[1] != x.shape[1])
    return "the mask must be [B, T]";
  call.out[0].dtype = DType::kF32;
  call.out[0].shape = {2, {x.shape[0], x.shape[2]}};
  return nullptr;
}

float mask_at(const TensorView& mask, int64_t i) {
  if (mask.dtype == DType::kF32) return mask.as<float>()[i];
  return is_index(mask.dtype) ? static_cast<float>(index_at(mask, i)) : static_cast<float>(mask.as<uint8_t>()[i]);
}

const char* mean_pooling_cpu(OpCall& call) {
  const int64_t batch = call.in[0].shape[0], length = call.in[0].shape[1], n = call.in[0].shape[2];
  float* weights = static_cast<float*>(call.scratch->take(batch * length * 4));
  if (!weights) return "out of memory";
  const auto kernel = call.kernels->reduce.weighted_sum;
  call.parallel->ranges(batch, row_grain(length * n, 16384), [&](int64_t begin, int64_t end, int) {
    for (int64_t b = begin; b < end; ++b) {
      double sum = 0;
      for (int64_t i = b * length; i < (b + 1) * length; ++i) sum += weights[i] = mask_at(call.in[1], i);
      const float scale = static_cast<float>(1 / (sum < 1e-9 ? 1e-9 : sum));
      kernel(call.in[0].as<float>() + b * length * n, n, weights + b * length, length, scale,
             call.out[0].as<float>() + b * n, n);
    }
  });
  return nullptr;
}

const char* mean_pooling_reference(OpCall& call) {
  const int64_t length = call.in[0].shape[1], n = call.in[0].shape[2];
  for (int64_t at = 0; at < call.out[0].shape.size(); ++at) {
    const int64_t b = at / n, c = at % n;
    double sum = 0, count = 0;
    for (int64_t i = b * length; i < (b + 1) * length; ++i) {
      sum += static_cast<double>(mask_at(call.in[1], i)) * call.in[0].as<float>()[i * n + c];
      count += mask_at(call.in[1], i);
    }
    call.out[0].as<float>()[at] = static_cast<float>(sum / std::fmax(count, 1e-9));
  }
  return nullptr;
}

}  // namespace

OpDef pool_op() {
  return {"pool", pool_infer, pool_cpu, pool_reference, -1};
}
OpDef mean_pooling_op() {
  return {"mean_pooling", mean_pooling_infer, mean_pooling_cpu, mean_pooling_reference, -1};
}

}  // namespace nt
