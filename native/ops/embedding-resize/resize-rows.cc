// resize_rows(x, extra): a table with another number of rows: those of x, cut, or with rows of `extra` behind them.
//   inputs  x: float32, float16 or bfloat16, [V] or [V, C]; extra: float32 [R - V] or [R - V, C], or left out
//   attrs   [R]
//   output  the dtype of x, [R] or [R, C]; `extra` is rounded to nearest even, rows without it are zeros
// Each row is written once. Parallel over bytes.
#include <cstring>

#include "ops/weights.h"

namespace nt {
namespace {

constexpr int64_t kGrain = int64_t{1} << 20;

const char* infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs a table";
  const TensorView& x = call.in[0];
  if (!is_weight(x.dtype)) return "the table must be float32, float16 or bfloat16";
  if (x.shape.rank != 1 && x.shape.rank != 2) return "the table must have one or two dimensions";
  if (call.n_attr < 1 || !(call.attr[0] >= 0)) return "needs a number of rows";
  call.out[0] = x;
  call.out[0].shape.dims[0] = static_cast<int64_t>(call.attr[0]);
  if (!has_input(call, 1)) return nullptr;
  const TensorView& extra = call.in[1];
  Shape added = call.out[0].shape;
  added.dims[0] -= x.shape[0];
  if (extra.dtype != DType::kF32) return "the extra rows must be float32";
  if (extra.shape != added) return "the extra rows must be as many as are missing, and as wide as the table";
  return nullptr;
}

struct Sizes {
  int64_t kept, added, width, item;

  explicit Sizes(const OpCall& call) {
    const TensorView &x = call.in[0], &out = call.out[0];
    width = x.shape.rank == 2 ? x.shape[1] : 1;
    kept = x.shape[0] < out.shape[0] ? x.shape[0] : out.shape[0];
    added = out.shape[0] - kept;
    item = static_cast<int64_t>(item_size(x.dtype));
  }
};

const char* cpu(OpCall& call) {
  const Sizes sizes(call);
  const char* from = call.in[0].as<char>();
  char* to = call.out[0].as<char>();
  const int64_t copied = sizes.kept * sizes.width * sizes.item, n = sizes.added * sizes.width;
  call.parallel->ranges(copied, kGrain, [=](int64_t begin, int64_t end, int) {
    std::memcpy(to + begin, from + begin, static_cast<size_t>(end - begin));
  });
  if (!n) return nullptr;
  to += copied;
  if (!has_input(call, 1)) {
    std::memset(to, 0, static_cast<size_t>(n * sizes.item));
    return nullptr;
  }
  const float* extra = call.in[1].as<float>();
  const ElementwiseKernels& kernels = call.kernels->elementwise;
  const DType type = call.out[0].dtype;
  call.parallel->ranges(n, kGrain / 4, [=, &kernels](int64_t begin, int64_t end, int) {
    char* at = to + begin * sizes.item;
    if (type == DType::kF16)
      kernels.to_f16(extra + begin, reinterpret_cast<F16*>(at), end - begin);
    else if (type == DType::kBF16)
      kernels.to_bf16(extra + begin, reinterpret_cast<BF16*>(at), end - begin);
    else
      std::memcpy(at, extra + begin, static_cast<size_t>(end - begin) * sizeof(float));
  });
  return nullptr;
}

void store(const TensorView& out, int64_t i, float value) {
  if (out.dtype == DType::kF16)
    out.as<uint16_t>()[i] = f32_to_f16(value);
  else if (out.dtype == DType::kBF16)
    out.as<uint16_t>()[i] = f32_to_bf16(value);
  else
    out.as<float>()[i] = value;
}

const char* reference(OpCall& call) {
  const Sizes sizes(call);
  for (int64_t r = 0; r < sizes.kept + sizes.added; ++r)
    for (int64_t c = 0; c < sizes.width; ++c) {
      const int64_t i = r * sizes.width + c;
      const bool has_extra = has_input(call, 1);
      if (r < sizes.kept)
        store(call.out[0], i, static_cast<float>(weight_at(call.in[0], i)));
      else
        store(call.out[0], i, has_extra ? call.in[1].as<float>()[i - sizes.kept * sizes.width] : 0.0f);
    }
  return nullptr;
}

}  // namespace

OpDef resize_rows_op() {
  return {"resize_rows", infer, cpu, reference, -1};
}

}  // namespace nt
