// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). Three passes: maximum, e^(x -
// maximum) and its sum, division. NaN anywhere, +inf, and nothing but -inf give NaN, as in PyTorch.

static inline float max_of_row(const float* x, int64_t n) {
  Vec top(-__builtin_inff());
  for_vectors(n, [&](int64_t i, int lanes) {
    const Vec v = load_lanes(x + i, lanes);
    top = max(top, lanes == Vec::kLanes ? v : select(first_lanes(lanes), v, top));
  });
  return reduce_max(top);
}

static inline float sum_of_exp(const float* x, float* out, int64_t n, Vec top) {
  return sum_over(n, [=](int64_t i, int lanes) {
    const Vec e = math::exp_nonpositive(load_lanes(x + i, lanes) - top);
    if (out) store_lanes(e, out + i, lanes);
    return lanes == Vec::kLanes ? e : select(first_lanes(lanes), e, Vec(0.0f));
  });
}

static void softmax_row(const float* x, float* out, int64_t n, bool log) {
  const Vec top(max_of_row(x, n));
  if (log) {
    const Vec log_sum = math::log(Vec(sum_of_exp(x, nullptr, n, top)));
    for_vectors(n,
                [=](int64_t i, int lanes) { store_lanes(load_lanes(x + i, lanes) - top - log_sum, out + i, lanes); });
  } else {
    const Vec scale(1.0f / sum_of_exp(x, out, n, top));
    for_vectors(n, [=](int64_t i, int lanes) { store_lanes(load_lanes(out + i, lanes) * scale, out + i, lanes); });
  }
}

static inline void softmax_lanes(const float* x, float* out, int64_t n, int64_t stride, int lanes, bool log) {
  Vec top(-__builtin_inff()), sum(0.0f);
  for (int64_t i = 0; i < n; ++i) top = max(top, load_lanes(x + i * stride, lanes));
  for (int64_t i = 0; i < n; ++i) {
    const Vec e = math::exp_nonpositive(load_lanes(x + i * stride, lanes) - top);
    sum = sum + e;
    if (!log) store_lanes(e, out + i * stride, lanes);
  }
  const Vec last = log ? math::log(sum) : Vec(1.0f) / sum;
  for (int64_t i = 0; i < n; ++i) {
    const Vec v = log ? load_lanes(x + i * stride, lanes) - top - last : load_lanes(out + i * stride, lanes) * last;
    store_lanes(v, out + i * stride, lanes);
  }
}

static void softmax_columns(const float* x, float* out, int64_t n, int64_t stride, int64_t columns, bool log) {
  for_vectors(columns, [=](int64_t i, int lanes) { softmax_lanes(x + i, out + i, n, stride, lanes, log); });
}

static float log_sum_exp_row(const float* x, int64_t n) {
  const Vec top(max_of_row(x, n));
  return reduce_max(top + math::log(Vec(sum_of_exp(x, nullptr, n, top))));
}

static constexpr SoftmaxKernels kSoftmax = {softmax_row, softmax_columns, log_sum_exp_row};
