// topk(x): the k largest or smallest elements of each row, best first.
//   inputs  x: float32, float64, int64 or int32 [..., n], n >= k
//   attrs   [k, largest]
//   outputs values [..., k] in the dtype of x; indices int64 [..., k]
// argsort(x): the order of each row.
//   inputs  x: as topk
//   attrs   [descending]
//   output  int64, the shape of x
// NaN counts as the largest of all, as in PyTorch; of equal elements the one in front comes first. Parallel over rows.
#include <algorithm>
#include <vector>

#include "ops/check.h"

namespace nt {
namespace {

const char* check_rows(const InferCall& call) {
  if (!has_input(call, 0)) return "needs an input";
  const DType t = call.in[0].dtype;
  if (t != DType::kF32 && t != DType::kF64 && !is_index(t)) return "takes float32, float64, int64 or int32";
  return call.in[0].shape.rank ? nullptr : "needs at least one dimension";
}

const char* topk_infer(InferCall& call) {
  if (const char* reason = check_rows(call)) return reason;
  if (call.n_attr < 2 || call.attr[0] < 0) return "needs k and largest";
  if (call.attr[0] > static_cast<double>(call.in[0].shape[-1])) return "k is larger than the last dimension";
  call.n_out = 2;
  call.out[0] = call.in[0];
  call.out[0].shape[-1] = static_cast<int64_t>(call.attr[0]);
  call.out[1] = call.out[0];
  call.out[1].dtype = DType::kI64;
  return nullptr;
}

const char* argsort_infer(InferCall& call) {
  if (const char* reason = check_rows(call)) return reason;
  if (call.n_attr < 1) return "needs descending";
  call.out[0] = call.in[0];
  call.out[0].dtype = DType::kI64;
  return nullptr;
}

// Which of two elements comes first.
template <class T>
struct Before {
  const T* row;
  bool descending;

  static bool less(T a, T b) { return b != b ? a == a : a < b; }
  bool operator()(int64_t i, int64_t j) const {
    if (descending ? less(row[j], row[i]) : less(row[i], row[j])) return true;
    if (descending ? less(row[i], row[j]) : less(row[j], row[i])) return false;
    return i < j;
  }
};

// f(row, first k of its order, number of the row) for every row.
template <class T, class F>
void for_orders(OpCall& call, int64_t k, bool descending, bool whole_sort, const F& f) {
  const int64_t n = call.in[0].shape[-1], rows = n ? call.in[0].shape.size() / n : 0;
  call.parallel->ranges(rows, row_grain(n, 4096), [&](int64_t begin, int64_t end, int) {
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t r = begin; r < end; ++r) {
      const T* row = call.in[0].as<T>() + r * n;
      for (int64_t i = 0; i < n; ++i) order[static_cast<size_t>(i)] = i;
      const Before<T> before = {row, descending};
      if (whole_sort)
        std::sort(order.begin(), order.end(), before);
      else
        std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
      f(row, order.data(), r);
    }
  });
}

template <class T>
const char* topk(OpCall& call, bool whole_sort) {
  const int64_t k = call.out[0].shape[-1];
  for_orders<T>(call, k, call.attr[1] != 0, whole_sort, [&](const T* row, const int64_t* order, int64_t r) {
    for (int64_t i = 0; i < k; ++i) {
      call.out[0].as<T>()[r * k + i] = row[order[i]];
      call.out[1].as<int64_t>()[r * k + i] = order[i];
    }
  });
  return nullptr;
}

template <class T>
const char* argsort(OpCall& call) {
  const int64_t n = call.in[0].shape[-1];
  for_orders<T>(call, n, call.attr[0] != 0, true, [&](const T*, const int64_t* order, int64_t r) {
    std::copy(order, order + n, call.out[0].as<int64_t>() + r * n);
  });
  return nullptr;
}

template <bool kWholeSort>
const char* topk_run(OpCall& call) {
  switch (call.in[0].dtype) {
    case DType::kF32:
      return topk<float>(call, kWholeSort);
    case DType::kF64:
      return topk<double>(call, kWholeSort);
    case DType::kI64:
      return topk<int64_t>(call, kWholeSort);
    default:
      return topk<int32_t>(call, kWholeSort);
  }
}

const char* argsort_run(OpCall& call) {
  switch (call.in[0].dtype) {
    case DType::kF32:
      return argsort<float>(call);
    case DType::kF64:
      return argsort<double>(call);
    case DType::kI64:
      return argsort<int64_t>(call);
    default:
      return argsort<int32_t>(call);
  }
}

}  // namespace

// The order is total, so a full sort of each row is a reference for the partial one.
OpDef topk_op() {
  return {"topk", topk_infer, topk_run<false>, topk_run<true>, -1};
}
OpDef argsort_op() {
  return {"argsort", argsort_infer, argsort_run, argsort_run, -1};
}

}  // namespace nt
