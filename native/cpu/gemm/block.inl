// The loops around the microkernel, for one block of C. Sums of a block stay in scratch, tile by tile, until the last
// block of K; then finish() makes C out of them while they are in the nearest cache.

// Blocks of K are near-equal and at most this long. Their number depends on K alone.
static constexpr int64_t kBlockK = 384;

static constexpr int64_t kBlockRows = 168 / kTileRows * kTileRows;
static constexpr int64_t kBlockPanels = 384 / kPanelWidth;

// Rows of A that lie a multiple of 4 KiB apart share the sets of the nearest cache: they are copied to rows that do not.
static constexpr int64_t kBadStride = 1024;
static constexpr int64_t kCopiedStride = kBlockK + 16;

struct BlockScratch {
  float sums[kBlockRows * kBlockPanels * kPanelWidth];
  float bias[kBlockPanels * kPanelWidth];
  float a[kBlockRows * kCopiedStride];
};

template <class T>
static void copy_bias(const void* from, int64_t n, float* to) {
  const T* bias = static_cast<const T*>(from);
  int64_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) Vec::load(bias + i).store(to + i);
  if (i < n) Vec::load(bias + i, static_cast<int>(n - i)).store(to + i);
}

// The bias of columns [first, first + columns) as floats, zeros where there is none.
static void gather_bias(const Gemm& gemm, int64_t first, int64_t columns, float* to) {
  if (!gemm.bias) {
    for (int64_t i = 0; i < columns; ++i) to[i] = 0.0f;
  } else if (gemm.bias_type == DType::kF16) {
    copy_bias<F16>(static_cast<const F16*>(gemm.bias) + first, columns, to);
  } else if (gemm.bias_type == DType::kBF16) {
    copy_bias<BF16>(static_cast<const BF16*>(gemm.bias) + first, columns, to);
  } else {
    copy_bias<float>(static_cast<const float*>(gemm.bias) + first, columns, to);
  }
}

// Rows [0, rows) of one panel: C = activation(sums + bias) + residual. Every column takes the same path, so that a
// number does not depend on its place.
static void finish(const Gemm& gemm, const float* sums, int64_t rows, int64_t first_row, int64_t first_column,
                   const float* bias) {
  const int64_t left = gemm.n - first_column;
  const int columns = static_cast<int>(left < kPanelWidth ? left : kPanelWidth);
  math::with_activation(gemm.activation, [&](auto activation) {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t place = (first_row + r) * gemm.n + first_column;
      for (int j = 0; j < columns; j += Vec::kLanes) {
        const int count = columns - j < Vec::kLanes ? columns - j : Vec::kLanes;
        Vec value = activation.apply(Vec::load(sums + r * kPanelWidth + j) + Vec::load(bias + j));
        if (count == Vec::kLanes) {
          if (gemm.residual) value = value + Vec::load(gemm.residual + place + j);
          value.store(gemm.c + place + j);
        } else {
          if (gemm.residual) value = value + Vec::load(gemm.residual + place + j, count);
          value.store(gemm.c + place + j, count);
        }
      }
    }
  });
}

// A block of K within a block of C.
struct KBlock {
  int64_t begin, size;
  bool first, last;
};

template <class W>
class BlockRun {
 public:
  BlockRun(const Gemm& gemm, const GemmBlock& block, BlockScratch* scratch)
      : gemm_(gemm),
        block_(block),
        scratch_(scratch),
        rows_(block.last_row - block.first_row),
        strips_((rows_ + kTileRows - 1) / kTileRows),
        k_blocks_(gemm.k > kBlockK ? (gemm.k + kBlockK - 1) / kBlockK : 1),
        copies_(gemm.a_stride % kBadStride == 0 && rows_ > 1) {}

  void run() {
    const int64_t end = block_.last_panel * kPanelWidth;
    gather_bias(gemm_, block_.first_panel * kPanelWidth,
                (end < gemm_.n ? end : gemm_.n) - block_.first_panel * kPanelWidth, scratch_->bias);
    const int64_t step = ((gemm_.k + k_blocks_ - 1) / k_blocks_ + kUnroll - 1) / kUnroll * kUnroll;
    for (int64_t i = 0; i < k_blocks_; ++i) {
      const int64_t begin = i * step, left = gemm_.k - begin;
      run_k({begin, left < step ? left : step, i == 0, i == k_blocks_ - 1});
    }
  }

 private:
  void run_k(const KBlock& k) {
    const float* a = gemm_.a + block_.first_row * gemm_.a_stride + k.begin;
    int64_t a_stride = gemm_.a_stride;
    if (copies_) {
      for (int64_t r = 0; r < rows_; ++r)
        __builtin_memcpy(scratch_->a + r * kCopiedStride, a + r * a_stride, static_cast<size_t>(k.size) * sizeof(float));
      a = scratch_->a;
      a_stride = kCopiedStride;
    }
    if (strips_ > 1) {
      for (int64_t p = block_.first_panel; p < block_.last_panel; ++p) run_panel(k, a, a_stride, p);
    } else {
      run_few_rows(k, a, a_stride);
    }
  }

  // All strips of rows over one panel, while it is in the nearest cache; the next panel is fetched meanwhile.
  void run_panel(const KBlock& k, const float* a, int64_t a_stride, int64_t p) {
    const bool more = p + 1 < block_.last_panel;
    const char* next = reinterpret_cast<const char*>(
        more ? weights(p + 1, k.begin) : k.last ? weights(p, k.begin) : weights(block_.first_panel, k.begin + k.size));
    const int64_t lines_per_round = kPanelWidth * kUnroll * static_cast<int64_t>(sizeof(W)) / 64;
    const int64_t lines = (lines_per_round + strips_ - 1) / strips_;
    for (int64_t s = 0; s < strips_; ++s) {
      const int64_t row = rows_ * s / strips_, count = rows_ * (s + 1) / strips_ - row;
      float* to = sums(p, row);
      kTiles<W>.single[count]({a + row * a_stride, a_stride, weights(p, k.begin), 0, k.size, to, 0, k.first, next, lines});
      next += k.size / kUnroll * lines * 64;
      if (k.last) finish(to, p, row, count);
    }
  }

  void run_few_rows(const KBlock& k, const float* a, int64_t a_stride) {
    const int at_once = panels_at_once(static_cast<int>(rows_));
    int64_t p = block_.first_panel;
    for (; p + at_once <= block_.last_panel; p += at_once) {
      float* to = sums(p, 0);
      kTiles<W>.several[rows_]({a, a_stride, weights(p, k.begin), gemm_.k * kPanelWidth, k.size, to, rows_ * kPanelWidth,
                                k.first, nullptr, 0});
      if (k.last)
        for (int i = 0; i < at_once; ++i) finish(to + i * rows_ * kPanelWidth, p + i, 0, rows_);
    }
    for (; p < block_.last_panel; ++p) {
      float* to = sums(p, 0);
      kTiles<W>.single[rows_]({a, a_stride, weights(p, k.begin), 0, k.size, to, 0, k.first, nullptr, 0});
      if (k.last) finish(to, p, 0, rows_);
    }
  }

  const W* weights(int64_t panel, int64_t k) const {
    return static_cast<const W*>(gemm_.panels) + (panel * gemm_.k + k) * kPanelWidth;
  }

  // With one block of K sums are used up at once, and the same place serves every tile.
  float* sums(int64_t panel, int64_t row) const {
    if (k_blocks_ == 1) return scratch_->sums;
    return scratch_->sums + ((panel - block_.first_panel) * rows_ + row) * kPanelWidth;
  }

  void finish(const float* from, int64_t panel, int64_t row, int64_t count) const {
    NT_ISA::finish(gemm_, from, count, block_.first_row + row, panel * kPanelWidth,
                   scratch_->bias + (panel - block_.first_panel) * kPanelWidth);
  }

  const Gemm& gemm_;
  const GemmBlock& block_;
  BlockScratch* scratch_;
  const int64_t rows_, strips_, k_blocks_;
  const bool copies_;
};

static void gemm_block(const Gemm& gemm, const GemmBlock& block, void* scratch) {
  BlockScratch* typed = static_cast<BlockScratch*>(scratch);
  if (gemm.w_type == DType::kF16)
    BlockRun<F16>(gemm, block, typed).run();
  else if (gemm.w_type == DType::kBF16)
    BlockRun<BF16>(gemm, block, typed).run();
  else
    BlockRun<float>(gemm, block, typed).run();
}
