// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl).

static void rope_angles(float position, const float* inv_freq, float* cosines, float* sines, int64_t n) {
  for_vectors(n, [=](int64_t i, int lanes) {
    const Vec angle = load_lanes(inv_freq + i, lanes) * Vec(position);
    store_lanes(math::cos(angle), cosines + i, lanes);
    store_lanes(math::sin(angle), sines + i, lanes);
  });
}

static void rope_rotate(const float* first, const float* second, const float* cosines, const float* sines,
                        float* first_out, float* second_out, int64_t n) {
  for_vectors(n, [=](int64_t i, int lanes) {
    const Vec a = load_lanes(first + i, lanes), b = load_lanes(second + i, lanes);
    const Vec c = load_lanes(cosines + i, lanes), s = load_lanes(sines + i, lanes);
    store_lanes(a * c - b * s, first_out + i, lanes);
    store_lanes(b * c + a * s, second_out + i, lanes);
  });
}

static constexpr RopeKernels kRope = {rope_angles, rope_rotate};
