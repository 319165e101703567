// matmul(a, b): the matrix product as torch.matmul defines it.
//   inputs  a: float32 [..., M, K], or [..., K, M] when transpose_a; b: float32, float16 or bfloat16 [..., K, N], or
//           [..., N, K] when transpose_b; batch dimensions broadcast; a vector [K] is a row on the left and a column on
//           the right, and its dimension is absent from the output
//   attrs   [transpose_a, transpose_b]
//   output  float32 [..., M, N]
// Accumulates in float32, in one order of k for every element. b is turned into panels first. Parallel over batches
// when there are many, else over the blocks of each product.
#include <algorithm>

#include "cpu/gemm/gemm.h"
#include "cpu/gemm/pack.h"
#include "ops/matmul/product.h"
#include "ops/weights.h"

namespace nt {
namespace {

const char* infer(InferCall& call) {
  if (!has_input(call, 0) || !has_input(call, 1)) return "two operands are required";
  const TensorView &a = call.in[0], &b = call.in[1];
  if (a.dtype != DType::kF32) return "the left operand must be float32";
  if (!is_weight(b.dtype)) return "the right operand must be float32, float16 or bfloat16";
  if (call.n_attr < 2) return "transpose_a and transpose_b are required";
  const Product product(a, b, call.attr);
  if (product.problem) return product.problem;
  Spec& out = call.out[0];
  out.dtype = DType::kF32;
  out.shape = product.batch;
  if (out.shape.rank + 2 > kMaxRank) return "too many dimensions";
  if (a.shape.rank > 1) out.shape.dims[out.shape.rank++] = product.m;
  if (b.shape.rank > 1) out.shape.dims[out.shape.rank++] = product.n;
  return nullptr;
}

// a[K, M] to rows [M, K], a square at a time so that both sides are read and written by lines.
void transpose(const float* from, int64_t m, int64_t k, float* to, Parallel& parallel) {
  constexpr int64_t kSquare = 16;
  parallel.ranges(m, std::max<int64_t>(kSquare, (int64_t{64} << 10) / (k + 1)), [&](int64_t first, int64_t last, int) {
    for (int64_t m0 = first; m0 < last; m0 += kSquare)
      for (int64_t k0 = 0; k0 < k; k0 += kSquare)
        for (int64_t i = m0; i < std::min(last, m0 + kSquare); ++i)
          for (int64_t j = k0; j < std::min(k, k0 + kSquare); ++j) to[i * k + j] = from[j * m + i];
  });
}

// One product after the other, in scratch of its own.
class Multiplier {
 public:
  static int64_t bytes(const OpCall& call, const Product& product, const Parallel& parallel) {
    return panels_bytes(call, product) + transposed_bytes(product) + gemm_scratch_bytes(*call.kernels, parallel);
  }

  Multiplier(const OpCall& call, const Product& product, Parallel& parallel, char* scratch)
      : call_(call), product_(product), parallel_(parallel), panels_(scratch) {
    transposed_ = reinterpret_cast<float*>(scratch + panels_bytes(call, product));
    gemm_scratch_ = scratch + panels_bytes(call, product) + transposed_bytes(product);
  }

  void run(int64_t batch, int64_t a_matrix, int64_t b_matrix) {
    const auto [m, n, k] = sizes();
    const float* a = call_.in[0].as<float>() + a_matrix * m * k;
    if (product_.transpose_a) {
      transpose(a, m, k, transposed_, parallel_);
      a = transposed_;
    }
    pack(b_matrix);
    Gemm gemm = {};
    gemm.m = m;
    gemm.n = n;
    gemm.k = k;
    gemm.a = a;
    gemm.a_stride = k;
    gemm.panels = panels_;
    gemm.w_type = call_.in[1].dtype;
    gemm.c = call_.out[0].as<float>() + batch * m * n;
    nt::gemm(*call_.kernels, gemm, parallel_, gemm_scratch_);
  }

 private:
  struct Sizes {
    int64_t m, n, k;
  };
  Sizes sizes() const { return {product_.m, product_.n, product_.k}; }

  static int64_t lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }
  static int64_t panels_bytes(const OpCall& call, const Product& product) {
    return lines(panel_bytes(call.in[1].dtype, product.n, product.k, panel_width(call.kernels)));
  }
  static int64_t transposed_bytes(const Product& product) {
    return product.transpose_a ? lines(product.m * product.k * static_cast<int64_t>(sizeof(float))) : 0;
  }

  // Neighbouring batches often share b.
  void pack(int64_t b_matrix) {
    if (b_matrix == packed_) return;
    packed_ = b_matrix;
    const auto [m, n, k] = sizes();
    const TensorView& b = call_.in[1];
    const char* from = b.as<char>() + b_matrix * n * k * static_cast<int64_t>(item_size(b.dtype));
    if (product_.transpose_b)
      pack_panels(from, b.dtype, n, k, call_.kernels, panels_, parallel_);
    else
      pack_panels_transposed(from, n, b.dtype, n, k, call_.kernels, panels_, parallel_);
  }

  const OpCall& call_;
  const Product& product_;
  Parallel& parallel_;
  char *panels_, *gemm_scratch_;
  float* transposed_;
  int64_t packed_ = -1;
};

// A b without batches meets all rows of a at once.
void fold_batches(Product& product) {
  if (product.transpose_a || product.batches[1].shape.size() != 1) return;
  product.m *= product.batch_size();
  product.batch = product.batches[0].shape = product.batches[1].shape = Shape();
}

const char* cpu(OpCall& call) {
  Product product(call.in[0], call.in[1], call.attr);
  fold_batches(product);
  const int64_t batches = product.batch_size();
  if (batches == 0 || product.m == 0 || product.n == 0) return nullptr;

  constexpr int64_t kSmall = int64_t{1} << 20, kManyPerWorker = 4;
  const int64_t workers = call.parallel->workers();
  const bool many = batches > 1 && (batches >= workers * kManyPerWorker || product.m * product.n * product.k <= kSmall);
  Serial serial;
  Parallel& inside = many ? static_cast<Parallel&>(serial) : *call.parallel;
  const int64_t bytes = Multiplier::bytes(call, product, inside);
  char* scratch = static_cast<char*>(call.scratch->take(bytes * (many ? workers : 1)));
  if (!scratch) return "out of memory";

  const auto run = [&](int64_t begin, int64_t end, int worker) {
    Multiplier multiplier(call, product, inside, scratch + worker * bytes);
    product.each_batch(begin, end, [&](int64_t batch, int64_t a, int64_t b) { multiplier.run(batch, a, b); });
  };
  if (many)
    call.parallel->ranges(batches, std::max<int64_t>(1, batches / (workers * kManyPerWorker)), run);
  else
    run(0, batches, 0);
  return nullptr;
}

const char* reference(OpCall& call) {
  const TensorView &left = call.in[0], &right = call.in[1];
  const Product p(left, right, call.attr);
  p.each_batch(0, p.batch_size(), [&](int64_t batch, int64_t a, int64_t b) {
    for (int64_t m = 0; m < p.m; ++m)
      for (int64_t n = 0; n < p.n; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < p.k; ++k)
          sum += static_cast<double>(left.as<float>()[a * p.m * p.k + (p.transpose_a ? k * p.m + m : m * p.k + k)]) *
                 weight_at(right, b * p.k * p.n + (p.transpose_b ? n * p.k + k : k * p.n + n));
        call.out[0].as<float>()[(batch * p.m + m) * p.n + n] = static_cast<float>(sum);
      }
  });
  return nullptr;
}

}  // namespace

OpDef matmul_op() {
  return {"matmul", infer, cpu, reference, -1};
}

}  // namespace nt
