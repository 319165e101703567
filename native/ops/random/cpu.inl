// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl).

static void normal_pairs(const float* radius, const float* angle, int64_t pairs, float mean, float std, float* out) {
  for_vectors(pairs, [=](int64_t i, int lanes) {
    const Vec r = Vec(std) * sqrt(Vec(-2.0f) * math::log(load_lanes(radius + i, lanes)));
    const Vec turn = Vec(6.28318531f) * load_lanes(angle + i, lanes);
    store_lanes(fma(r, math::cos(turn), Vec(mean)), out + i, lanes);
    store_lanes(fma(r, math::sin(turn), Vec(mean)), out + pairs + i, lanes);
  });
}

static constexpr RandomKernels kRandom = {normal_pairs};
