// sum prod amax amin argmax argmin mean: along one dimension, or over all.
//   inputs  x: float32, float64, int64, int32, uint8 or bool; mean takes float32 and float64
//   attrs   [dim, keepdim], dim -1000 for all dimensions
//   output  sum and prod: the dtype of x if it is a float, else int64; amax, amin: that of x; argmax, argmin: int64
// Of nothing: sum 0, prod 1, mean NaN; the others fail. NaN wins amax, amin, argmax and argmin; of equal elements the
// first is argmax and argmin. Whole numbers wrap around. Float sums are float32 over blocks of kSumBlock elements along
// the last dimension and double over blocks, double elsewhere. Parallel over slices.
#include "ops/reduce/reduce.h"

#include <limits>
#include <type_traits>

#include "cpu/kernels.h"

namespace nt {
namespace {

template <class T>
using Wide = std::conditional_t<std::is_floating_point<T>::value, double, uint64_t>;

struct Sum {
  static constexpr bool kNeedsElements = false;
  template <class T>
  static Wide<T> of(const T* x, int64_t n, int64_t step) {
    Wide<T> sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += static_cast<Wide<T>>(x[i * step]);
    return sum;
  }
};
struct Mean {
  static constexpr bool kNeedsElements = false;
  template <class T>
  static double of(const T* x, int64_t n, int64_t step) {
    return static_cast<double>(Sum::of(x, n, step)) / static_cast<double>(n);
  }
};
struct Prod {
  static constexpr bool kNeedsElements = false;
  template <class T>
  static Wide<T> of(const T* x, int64_t n, int64_t step) {
    Wide<T> product = 1;
    for (int64_t i = 0; i < n; ++i) product *= static_cast<Wide<T>>(x[i * step]);
    return product;
  }
};
template <bool kLargest>
struct ArgBest {
  static constexpr bool kNeedsElements = true;
  template <class T>
  static int64_t of(const T* x, int64_t n, int64_t step) {
    int64_t best = 0;
    for (int64_t i = 0; i < n; ++i) {
      const T a = x[i * step], b = x[best * step];
      if (a != a) return i;
      if (kLargest ? a > b : a < b) best = i;
    }
    return best;
  }
};
template <bool kLargest>
struct Best {
  static constexpr bool kNeedsElements = true;
  template <class T>
  static T of(const T* x, int64_t n, int64_t step) {
    return x[ArgBest<kLargest>::of(x, n, step) * step];
  }
};

template <class F, class T, class Out>
const char* reduce(OpCall& call) {
  const Around around = reduced(call.in[0].shape, call.attr[0]);
  const T* x = call.in[0].as<T>();
  Out* out = call.out[0].as<Out>();
  for_slices(call.parallel, around,
             [&](int64_t i, int64_t at) { out[i] = static_cast<Out>(F::of(x + at, around.n, around.inner)); });
  return nullptr;
}

// The output's type: that of x, or int64 for whole numbers, or always int64.
enum class Result { kOfInput, kWidened, kIndex };

template <class F, Result kResult, class T>
const char* reduce_as(OpCall& call) {
  constexpr bool whole = !std::is_floating_point<T>::value;
  using Out = std::conditional_t<kResult == Result::kIndex || (kResult == Result::kWidened && whole), int64_t, T>;
  return reduce<F, T, Out>(call);
}

template <class F, Result kResult>
const char* reduce_reference(OpCall& call) {
  switch (call.in[0].dtype) {
    case DType::kF32:
      return reduce_as<F, kResult, float>(call);
    case DType::kF64:
      return reduce_as<F, kResult, double>(call);
    case DType::kI64:
      return reduce_as<F, kResult, int64_t>(call);
    case DType::kI32:
      return reduce_as<F, kResult, int32_t>(call);
    default:
      return reduce_as<F, kResult, uint8_t>(call);
  }
}

template <class F, Result kResult>
const char* reduce_infer(InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  const DType t = call.in[0].dtype;
  const bool floating = t == DType::kF32 || t == DType::kF64;
  if (std::is_same<F, Mean>::value && !floating) return "takes float32 or float64";
  if (!floating && !is_index(t) && t != DType::kU8 && t != DType::kBool)
    return "takes float32, float64, int64, int32, uint8 or bool";
  if (call.n_attr < 2) return "needs dim and keepdim";
  const Shape& x = call.in[0].shape;
  if (const char* reason = reduced_shape(x, call.attr[0], call.attr[1] != 0, &call.out[0].shape)) return reason;
  if (F::kNeedsElements && call.out[0].shape.size() && !reduced(x, call.attr[0]).n) return "the dimension is empty";
  const bool to_index = kResult == Result::kIndex || (kResult == Result::kWidened && !floating);
  call.out[0].dtype = to_index ? DType::kI64 : t;
  return nullptr;
}

// A row by `kernel`, block by block; blocks are joined in double.
double sum_row(float (*kernel)(const float*, int64_t), const float* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i += kSumBlock) sum += kernel(x + i, n - i < kSumBlock ? n - i : kSumBlock);
  return sum;
}

// Rows of floats that are too few for all threads are cut into pieces of this size.
constexpr int64_t kPiece = 65536;

// sum or mean of float32 along the last dimension.
template <bool kMean>
const char* sum_rows(OpCall& call, const Around& around) {
  const auto kernel = call.kernels->reduce.sum;
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  const int64_t n = around.n, pieces = n ? (n + kPiece - 1) / kPiece : 1;
  double* sums = static_cast<double*>(call.scratch->take(around.outer * pieces * 8));
  if (!sums) return "out of memory";
  call.parallel->ranges(around.outer * pieces, row_grain(n, 16384), [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % pieces * kPiece, left = n - first;
      sums[i] = sum_row(kernel, x + i / pieces * n + first, left < kPiece ? left : kPiece);
    }
  });
  for (int64_t r = 0; r < around.outer; ++r) {
    double sum = 0;
    for (int64_t p = 0; p < pieces; ++p) sum += sums[r * pieces + p];
    out[r] = static_cast<float>(kMean ? sum / static_cast<double>(n) : sum);
  }
  return nullptr;
}

template <bool kMean, class F>
const char* sum_cpu(OpCall& call) {
  const Around around = reduced(call.in[0].shape, call.attr[0]);
  if (call.in[0].dtype == DType::kF32 && around.inner == 1) return sum_rows<kMean>(call, around);
  return reduce_reference<F, Result::kWidened>(call);
}

template <bool kLargest>
const char* best_cpu(OpCall& call) {
  const Around around = reduced(call.in[0].shape, call.attr[0]);
  if (call.in[0].dtype != DType::kF32 || around.inner != 1)
    return reduce_reference<Best<kLargest>, Result::kOfInput>(call);
  const auto kernel = kLargest ? call.kernels->reduce.max : call.kernels->reduce.min;
  const float* x = call.in[0].as<float>();
  float* out = call.out[0].as<float>();
  for_slices(call.parallel, around, [&](int64_t i, int64_t at) { out[i] = kernel(x + at, around.n); });
  return nullptr;
}

}  // namespace

OpDef sum_op() {
  return {"sum", reduce_infer<Sum, Result::kWidened>, sum_cpu<false, Sum>, reduce_reference<Sum, Result::kWidened>, -1};
}
OpDef mean_op() {
  return {"mean", reduce_infer<Mean, Result::kWidened>, sum_cpu<true, Mean>, reduce_reference<Mean, Result::kWidened>,
          -1};
}
OpDef prod_op() {
  const Run run = reduce_reference<Prod, Result::kWidened>;
  return {"prod", reduce_infer<Prod, Result::kWidened>, run, run, -1};
}
OpDef amax_op() {
  return {"amax", reduce_infer<Best<true>, Result::kOfInput>, best_cpu<true>,
          reduce_reference<Best<true>, Result::kOfInput>, -1};
}
OpDef amin_op() {
  return {"amin", reduce_infer<Best<false>, Result::kOfInput>, best_cpu<false>,
          reduce_reference<Best<false>, Result::kOfInput>, -1};
}
OpDef argmax_op() {
  const Run run = reduce_reference<ArgBest<true>, Result::kIndex>;
  return {"argmax", reduce_infer<ArgBest<true>, Result::kIndex>, run, run, -1};
}
OpDef argmin_op() {
  const Run run = reduce_reference<ArgBest<false>, Result::kIndex>;
  return {"argmin", reduce_infer<ArgBest<false>, Result::kIndex>, run, run, -1};
}

}  // namespace nt
