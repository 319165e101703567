// The microkernel: R rows of A times P neighbouring panels, one block of K, accumulators in registers.
// Operands: A[R][k] rows a_stride apart, panels [k][kPanelWidth] panel_stride apart, sums [P][R][kPanelWidth] with
// panels sums_stride apart. Each number is a chain of fused multiply-adds over k from 0 on; further blocks of K are
// added to the sum of those before, so results depend on neither R nor P.

// Registers hold R * P * kTileVectors accumulators, the vectors of one step of k, and a broadcast element of A.
static constexpr int kTileVectors = Vec::kLanes == 4 && Vec::kRegisters == 32 ? 4 : 2;
static constexpr int kTileRows = (Vec::kRegisters - kTileVectors - 2) / kTileVectors;
static constexpr int kPanelWidth = kTileVectors * Vec::kLanes;

// With few rows one panel is too short a chain of independent sums: walk several.
static constexpr int panels_at_once(int rows) {
  const int accumulators = rows * kTileVectors;
  return 4 * accumulators <= Vec::kRegisters / 2 ? 4 : 2 * accumulators <= Vec::kRegisters * 3 / 4 ? 2 : 1;
}

static constexpr int kMostPanelsAtOnce = 4;

// Steps of k between two looks at what to fetch.
static constexpr int kUnroll = 4;
static constexpr int64_t kLineBytes = 64;

struct TileCall {
  const float* a;
  int64_t a_stride;
  const void* panels;
  int64_t panel_stride;
  int64_t k;
  float* sums;
  int64_t sums_stride;
  bool first;  // of the blocks of K

  // Fetched meanwhile, because the hardware does not see them coming: the weights that are needed next, `next_lines`
  // at every look, and the rows that will be written behind this tile.
  const char* next = nullptr;
  int64_t next_lines = 0;
  const char* written = nullptr;
  int64_t written_stride = 0, written_rows = 0;
};

// Row r of A is base[r / 4] plus 0 to 3 strides: a pointer a row would not fit in the general registers. The empty
// statement keeps the compiler from undoing that.
static constexpr int kRowsPerBase = 4;
static inline void keep(const float*& base) {
  __asm__("" : "+r"(base));
}

template <int R, int P, class W>
static void tile(const TileCall& call) {
  constexpr int kLanes = Vec::kLanes, kVectors = P * kTileVectors, kBases = (R + kRowsPerBase - 1) / kRowsPerBase;
  Vec sum[R][kVectors];
#pragma GCC unroll 64
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 64
    for (int j = 0; j < kVectors; ++j) sum[r][j] = Vec(0.0f);

  const int64_t a_stride = call.a_stride, three_strides = 3 * a_stride, panel_stride = call.panel_stride;
  const W* w = static_cast<const W*>(call.panels);
  const float* base[kBases];
#pragma GCC unroll 64
  for (int i = 0; i < kBases; ++i) base[i] = call.a + i * kRowsPerBase * a_stride;

  const auto step = [&](int offset) __attribute__((always_inline)) {
    Vec column[kVectors];
#pragma GCC unroll 64
    for (int j = 0; j < kVectors; ++j)
      column[j] = Vec::load(w + j / kTileVectors * panel_stride + offset * kPanelWidth + j % kTileVectors * kLanes);
#pragma GCC unroll 64
    for (int r = 0; r < R; ++r) {
      const int64_t row = r % kRowsPerBase == 3 ? three_strides : r % kRowsPerBase * a_stride;
      const Vec element(base[r / kRowsPerBase][row + offset]);
#pragma GCC unroll 64
      for (int j = 0; j < kVectors; ++j) sum[r][j] = fma(element, column[j], sum[r][j]);
    }
  };
  const auto advance = [&](int steps) __attribute__((always_inline)) {
    w += steps * kPanelWidth;
#pragma GCC unroll 64
    for (int i = 0; i < kBases; ++i) {
      base[i] += steps;
      keep(base[i]);
    }
  };

  int64_t k = call.k, rows_to_fetch = call.written_rows;
  const char *next = call.next, *written = call.written;
  for (; k >= kUnroll; k -= kUnroll) {
    if (rows_to_fetch > 0) {
#pragma GCC unroll 4
      for (int64_t byte = 0; byte < kPanelWidth * 4; byte += kLineBytes) __builtin_prefetch(written + byte, 1, 3);
      written += call.written_stride;
      --rows_to_fetch;
    }
    for (int64_t line = 0; line < call.next_lines; ++line, next += kLineBytes) __builtin_prefetch(next, 0, 2);
#pragma GCC unroll 64
    for (int u = 0; u < kUnroll; ++u) step(u);
    advance(kUnroll);
  }
  for (; k > 0; --k) {
    step(0);
    advance(1);
  }

  const auto place = [&](int r, int j) __attribute__((always_inline)) {
    return call.sums + j / kTileVectors * call.sums_stride + r * kPanelWidth + j % kTileVectors * kLanes;
  };
  if (!call.first) {
#pragma GCC unroll 64
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 64
      for (int j = 0; j < kVectors; ++j) sum[r][j] = Vec::load(place(r, j)) + sum[r][j];
  }
#pragma GCC unroll 64
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 64
    for (int j = 0; j < kVectors; ++j) sum[r][j].store(place(r, j));
}

using TileKernel = void (*)(const TileCall&);

// By number of rows, from 1: over one panel, and over panels_at_once(rows).
template <class W>
struct TileKernels {
  TileKernel single[kTileRows + 1] = {}, several[kTileRows + 1] = {};

  constexpr TileKernels() { fill<1>(); }

  template <int R>
  constexpr void fill() {
    single[R] = tile<R, 1, W>;
    several[R] = tile<R, panels_at_once(R), W>;
    if constexpr (R < kTileRows) fill<R + 1>();
  }
};

template <class W>
static constexpr TileKernels<W> kTiles = {};
