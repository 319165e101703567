// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). Memory-bound.

template <class Weight>
static void embedding_row(const Weight* row, const float* add, float* out, int64_t n) {
  int64_t i = 0;
  if (add) {
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) (Vec::load(row + i) + Vec::load(add + i)).store(out + i);
    const int rest = static_cast<int>(n - i);
    if (rest) (Vec::load(row + i, rest) + Vec::load(add + i, rest)).store(out + i, rest);
  } else {
    for (; i + Vec::kLanes <= n; i += Vec::kLanes) Vec::load(row + i).store(out + i);
    const int rest = static_cast<int>(n - i);
    if (rest) Vec::load(row + i, rest).store(out + i, rest);
  }
}

static constexpr EmbeddingKernels kEmbedding = {embedding_row<float>, embedding_row<F16>, embedding_row<BF16>};
