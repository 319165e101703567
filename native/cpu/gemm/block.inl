// The loops around the microkernel, for one block of C. Sums of a block stay in scratch, tile by tile, until the last
// block of K; then finish() makes C out of them while they are in the nearest cache.
#include "cpu/gemm/tile.inl"
// clang-format off
#include "cpu/gemm/pack.inl"
#include "cpu/gemm/rows.inl"
// clang-format on

// Blocks of K are near-equal and at most this long. Their number depends on K alone.
static constexpr int64_t kBlockK = 512;

static constexpr int64_t kBlockRows = 112 / kTileRows * kTileRows;
static constexpr int64_t kBlockPanels = 768 / kPanelWidth;

// Rows of A that lie a multiple of 4 KiB apart share the sets of the nearest cache: they are copied to rows that do
// not.
static constexpr int64_t kBadStride = 1024;
static constexpr int64_t kCopiedStride = kBlockK + 16;

struct BlockScratch {
  float sums[kBlockRows * kBlockPanels * kPanelWidth];
  float bias[kBlockPanels * kPanelWidth];
  float a[kBlockRows * kCopiedStride];
  float panels[kMostPanelsAtOnce * kPanelWidth * kBlockK];  // made of rows
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

// One row of one panel: C = activation(sums + bias) + residual. Every column takes the same path, so that a number does
// not depend on its place.
template <bool kResidual, class Activation>
static inline void finish_row(const float* sums, const float* bias, int columns, const float* residual, float* c) {
  if (columns == kPanelWidth) {
#pragma GCC unroll 64
    for (int j = 0; j < kPanelWidth; j += Vec::kLanes) {
      Vec value = Activation::apply(Vec::load(sums + j) + Vec::load(bias + j));
      if (kResidual) value = value + Vec::load(residual + j);
      value.store(c + j);
    }
    return;
  }
  for (int j = 0; j < columns; j += Vec::kLanes) {
    const int count = columns - j < Vec::kLanes ? columns - j : Vec::kLanes;
    Vec value = Activation::apply(Vec::load(sums + j) + Vec::load(bias + j));
    if (kResidual) value = value + Vec::load(residual + j, count);
    value.store(c + j, count);
  }
}

static void finish(const Gemm& gemm, const float* sums, int64_t rows, int64_t first_row, int64_t first_column,
                   const float* bias) {
  const int64_t left = gemm.n - first_column, n = gemm.n;
  const int columns = static_cast<int>(left < kPanelWidth ? left : kPanelWidth);
  float* c = gemm.c + first_row * n + first_column;
  math::with_activation(gemm.activation, [&](auto activation) {
    using Activation = decltype(activation);
    if (!gemm.residual) {
      for (int64_t r = 0; r < rows; ++r)
        finish_row<false, Activation>(sums + r * kPanelWidth, bias, columns, nullptr, c + r * n);
    } else {
      const float* residual = gemm.residual + first_row * n + first_column;
      for (int64_t r = 0; r < rows; ++r)
        finish_row<true, Activation>(sums + r * kPanelWidth, bias, columns, residual + r * n, c + r * n);
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
        copies_(gemm.a_stride % kBadStride == 0 && rows_ > 1),
        packs_(gemm.panels == nullptr) {}

  void run() {
    const int64_t end = block_.last_panel * kPanelWidth;
    gather_bias(gemm_, block_.first_panel * kPanelWidth,
                (end < gemm_.n ? end : gemm_.n) - block_.first_panel * kPanelWidth, scratch_->bias);
    if (packs_ && !gemm_.rows_transposed && rows_ <= kRowTileRows) return run_along_rows();
    for (int64_t i = 0; i < k_blocks_; ++i) run_k(k_block(i));
  }

 private:
  KBlock k_block(int64_t i) const {
    const int64_t step = ((gemm_.k + k_blocks_ - 1) / k_blocks_ + kUnroll - 1) / kUnroll * kUnroll;
    const int64_t begin = i * step, left = gemm_.k - begin;
    return {begin, left < step ? left : step, i == 0, i == k_blocks_ - 1};
  }

  // Few rows of A meet weights that come from memory: a row of weights is read from end to end, and not packed.
  void run_along_rows() {
    const float* a = gemm_.a + block_.first_row * gemm_.a_stride;
    for (int64_t p = block_.first_panel; p < block_.last_panel; ++p) {
      const bool whole = (p + 1) * kPanelWidth <= gemm_.n;
      const W* rows = static_cast<const W*>(gemm_.rows) + p * kPanelWidth * gemm_.k;
      for (int64_t i = 0; i < k_blocks_; ++i) {
        const KBlock k = k_block(i);
        if (!whole) {
          run_strip(k, a + k.begin, gemm_.a_stride, p, 1);
          continue;
        }
        kRowTiles<W>[rows_]({a + k.begin, gemm_.a_stride, rows + k.begin, gemm_.k, k.size, sums(p, 0), k.first});
        if (k.last) finish(sums(p, 0), p, 0, rows_);
      }
    }
  }

  void run_k(const KBlock& k) {
    const float* a = gemm_.a + block_.first_row * gemm_.a_stride + k.begin;
    int64_t a_stride = gemm_.a_stride;
    if (copies_) {
      for (int64_t r = 0; r < rows_; ++r)
        __builtin_memcpy(scratch_->a + r * kCopiedStride, a + r * a_stride,
                         static_cast<size_t>(k.size) * sizeof(float));
      a = scratch_->a;
      a_stride = kCopiedStride;
    }
    if (strips_ > 1) {
      for (int64_t p = block_.first_panel; p < block_.last_panel; ++p) run_panel(k, a, a_stride, p);
    } else {
      run_few_rows(k, a, a_stride);
    }
  }

  // All strips of rows over one panel, while it is in the nearest cache.
  void run_panel(const KBlock& k, const float* a, int64_t a_stride, int64_t p) {
    const W* panel = panels(k, p, 1);
    const char* next = panel_after(k, p);
    const char* end = next + (packs_ ? 0 : k.size * kPanelWidth * static_cast<int64_t>(sizeof(W)));
    const int64_t lines = (kLinesPerRound + strips_ - 1) / strips_;
    for (int64_t s = 0; s < strips_; ++s) {
      const int64_t row = rows_ * s / strips_, count = rows_ * (s + 1) / strips_ - row;
      TileCall call = {a + row * a_stride, a_stride, panel, 0, k.size, sums(p, row), 0, k.first};
      call.next = next;
      call.next_lines = next < end ? lines : 0;
      next += k.size / kUnroll * lines * kLineBytes;
      if (k.last) {
        call.written = reinterpret_cast<const char*>(gemm_.c + (block_.first_row + row) * gemm_.n + p * kPanelWidth);
        call.written_stride = gemm_.n * 4;
        call.written_rows = count;
      } else if (!k.first) {
        call.written = reinterpret_cast<const char*>(call.sums);
        call.written_stride = kPanelWidth * 4;
        call.written_rows = count;
      }
      kTiles<W>.single[count](call);
      if (k.last) finish(call.sums, p, row, count);
    }
  }

  void run_few_rows(const KBlock& k, const float* a, int64_t a_stride) {
    for (int64_t p = block_.first_panel; p < block_.last_panel;) {
      const int count = panels_from(p);
      run_strip(k, a, a_stride, p, count);
      p += count;
    }
  }

  // How many panels from p on one strip walks at once.
  int panels_from(int64_t p) const {
    const int most = panels_at_once(static_cast<int>(rows_));
    return p + most <= block_.last_panel ? most : 1;
  }

  // One strip: each weight is used once and comes from memory. Several panels at once are streams enough for the
  // hardware to follow; a single one needs help.
  void run_strip(const KBlock& k, const float* a, int64_t a_stride, int64_t p, int count) {
    TileCall call = {a,      a_stride,   panels(k, p, count), (packs_ ? k.size : gemm_.k) * kPanelWidth,
                     k.size, sums(p, 0), rows_ * kPanelWidth, k.first};
    if (panels_at_once(static_cast<int>(rows_)) == 1 && !packs_) {
      call.next = panel_after(k, p);
      call.next_lines = kLinesPerRound;
    }
    (count > 1 ? kTiles<W>.several : kTiles<W>.single)[rows_](call);
    if (!k.last) return;
    for (int i = 0; i < count; ++i) finish(call.sums + i * rows_ * kPanelWidth, p + i, 0, rows_);
  }

  // Lines of one panel that the steps between two looks use up.
  static constexpr int64_t kLinesPerRound = kPanelWidth * kUnroll * static_cast<int64_t>(sizeof(W)) / kLineBytes;

  // The weights that the loops come to behind those of panel p.
  const char* panel_after(const KBlock& k, int64_t p) const {
    if (packs_) return nullptr;
    return reinterpret_cast<const char*>(p + 1 < block_.last_panel ? weights(p + 1, k.begin)
                                         : k.last                  ? weights(p, k.begin)
                                                                   : weights(block_.first_panel, k.begin + k.size));
  }

  const W* weights(int64_t panel, int64_t k) const {
    return static_cast<const W*>(gemm_.panels) + (panel * gemm_.k + k) * kPanelWidth;
  }

  // The part of `count` panels from p on that lies in this block of K, made of rows where there are no panels.
  const W* panels(const KBlock& k, int64_t p, int count) const {
    if (!packs_) return weights(p, k.begin);
    W* made = reinterpret_cast<W*>(scratch_->panels);
    const int64_t row_stride = gemm_.rows_transposed ? gemm_.n : gemm_.k;
    for (int i = 0; i < count; ++i) {
      const int64_t column = (p + i) * kPanelWidth, left = gemm_.n - column;
      const int64_t first = gemm_.rows_transposed ? k.begin * row_stride + column : column * row_stride + k.begin;
      pack_panel({static_cast<const W*>(gemm_.rows) + first, row_stride, sizeof(W), gemm_.rows_transposed},
                 left < kPanelWidth ? left : kPanelWidth, k.size, made + i * k.size * kPanelWidth);
    }
    return made;
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
  const bool copies_, packs_;
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
