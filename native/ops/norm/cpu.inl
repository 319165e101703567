// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). A row stays in the first cache
// between the passes.

static void layer_norm_row(const float* x, const float* residual, const float* weight, const float* bias, float eps,
                           float* out, int64_t n) {
  if (residual) {
    for_vectors(n, [=](int64_t i, int lanes) {
      store_lanes(load_lanes(x + i, lanes) + load_lanes(residual + i, lanes), out + i, lanes);
    });
    x = out;
  }
  const float count = static_cast<float>(n);
  const Vec mean(sum_over(n, [=](int64_t i, int lanes) { return load_lanes(x + i, lanes); }) / count);
  const float variance = sum_over(n,
                                  [=](int64_t i, int lanes) {
                                    const Vec d = load_lanes(x + i, lanes) - mean;
                                    return lanes == Vec::kLanes ? d * d : select(first_lanes(lanes), d * d, Vec(0.0f));
                                  }) /
                         count;
  const Vec scale(1.0f / __builtin_sqrtf(variance + eps));
  for_vectors(n, [=](int64_t i, int lanes) {
    Vec v = (load_lanes(x + i, lanes) - mean) * scale;
    if (weight) v = v * load_lanes(weight + i, lanes);
    if (bias) v = v + load_lanes(bias + i, lanes);
    store_lanes(v, out + i, lanes);
  });
}

static inline float sum_of_squares(const float* x, int64_t n) {
  return sum_over(n, [=](int64_t i, int lanes) {
    const Vec v = load_lanes(x + i, lanes);
    return v * v;
  });
}

static void rms_norm_row(const float* x, const float* weight, float eps, float* out, int64_t n) {
  const Vec scale(1.0f / __builtin_sqrtf(sum_of_squares(x, n) / static_cast<float>(n) + eps));
  for_vectors(n, [=](int64_t i, int lanes) {
    const Vec v = load_lanes(x + i, lanes) * scale;
    store_lanes(weight ? v * load_lanes(weight + i, lanes) : v, out + i, lanes);
  });
}

static void normalize_row(const float* x, float eps, float* out, int64_t n) {
  const float length = __builtin_sqrtf(sum_of_squares(x, n));
  const Vec divisor(length < eps ? eps : length);
  for_vectors(n, [=](int64_t i, int lanes) { store_lanes(load_lanes(x + i, lanes) / divisor, out + i, lanes); });
}

static constexpr NormKernels kNorm = {layer_norm_row, rms_norm_row, normalize_row};
