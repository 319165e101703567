// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). Memory-bound.

static float sum_row(const float* x, int64_t n) {
  return sum_over(n, [=](int64_t i, int lanes) { return load_lanes(x + i, lanes); });
}

static inline Vec max_with_nan(Vec a, Vec b) {
  return select(a != a, a, max(a, b));
}

template <bool kNegate>
static float extreme_of_row(const float* x, int64_t n) {
  Vec top(-__builtin_inff());
  for_vectors(n, [&](int64_t i, int lanes) {
    const Vec v = load_lanes(x + i, lanes), signed_v = kNegate ? -v : v;
    top = max_with_nan(top, lanes == Vec::kLanes ? signed_v : select(first_lanes(lanes), signed_v, top));
  });
  if (any(top != top)) return __builtin_nanf("");
  return kNegate ? -reduce_max(top) : reduce_max(top);
}

static void weighted_sum_of_rows(const float* x, int64_t stride, const float* weights, int64_t rows, float scale,
                                 float* out, int64_t n) {
  for_vectors(n, [=](int64_t i, int lanes) {
    Vec sum(0.0f);
    for (int64_t r = 0; r < rows; ++r) {
      const Vec v = load_lanes(x + r * stride + i, lanes);
      sum = sum + (weights ? v * Vec(weights[r]) : v);
    }
    store_lanes(sum * Vec(scale), out + i, lanes);
  });
}

static void max_of_rows(const float* x, int64_t stride, int64_t rows, float* out, int64_t n) {
  for_vectors(n, [=](int64_t i, int lanes) {
    Vec top(-__builtin_inff());
    for (int64_t r = 0; r < rows; ++r) top = max_with_nan(top, load_lanes(x + r * stride + i, lanes));
    store_lanes(top, out + i, lanes);
  });
}

static constexpr ReduceKernels kReduce = {
    sum_row, extreme_of_row<false>, extreme_of_row<true>, weighted_sum_of_rows, max_of_rows,
};
