// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl).

static float dot_product(const float* a, const float* b, int64_t n) {
  constexpr int64_t w = Vec::kLanes;
  Vec s0(0.0f), s1(0.0f), s2(0.0f), s3(0.0f);
  int64_t i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
    s0 = fma(Vec::load(a + i), Vec::load(b + i), s0);
    s1 = fma(Vec::load(a + i + w), Vec::load(b + i + w), s1);
    s2 = fma(Vec::load(a + i + 2 * w), Vec::load(b + i + 2 * w), s2);
    s3 = fma(Vec::load(a + i + 3 * w), Vec::load(b + i + 3 * w), s3);
  }
  for (; i + w <= n; i += w) s0 = fma(Vec::load(a + i), Vec::load(b + i), s0);
  const int rest = static_cast<int>(n - i);
  if (rest) s1 = fma(Vec::load(a + i, rest), Vec::load(b + i, rest), s1);
  return reduce_add((s0 + s1) + (s2 + s3));
}

static void transpose_rows(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                           int64_t to_stride) {
  constexpr int64_t w = Vec::kLanes;
  for (int64_t r = 0; r < rows; r += w) {
    const int height = static_cast<int>(rows - r < w ? rows - r : w);
    for (int64_t c = 0; c < columns; c += w) {
      const int width = static_cast<int>(columns - c < w ? columns - c : w);
      Vec square[Vec::kLanes];
      for (int i = 0; i < Vec::kLanes; ++i)
        square[i] = i < height ? load_lanes(from + (r + i) * from_stride + c, width) : Vec(0.0f);
      transpose(square);
      for (int i = 0; i < width; ++i) store_lanes(square[i], to + (c + i) * to_stride + r, height);
    }
  }
}

static constexpr EmbeddingResizeKernels kEmbeddingResize = {dot_product, transpose_rows};
