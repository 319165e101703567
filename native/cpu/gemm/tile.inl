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

struct TileCall {
  const float* a;
  int64_t a_stride;
  const void* panels;
  int64_t panel_stride;
  int64_t k;
  float* sums;
  int64_t sums_stride;
  bool first;        // of the blocks of K
  const char* next;  // what to fetch meanwhile
  int64_t lines;     // lines of 64 bytes to fetch every kUnroll steps
};

static constexpr int kUnroll = 4;

template <int R, int P, class W>
static void tile(const TileCall& call) {
  constexpr int kLanes = Vec::kLanes, kVectors = P * kTileVectors;
  Vec sum[R][kVectors];
#pragma GCC unroll 64
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 64
    for (int j = 0; j < kVectors; ++j) sum[r][j] = Vec(0.0f);

  const float* a = call.a;
  const W* w = static_cast<const W*>(call.panels);
  const int64_t a_stride = call.a_stride, panel_stride = call.panel_stride;
  const auto step = [&](int offset) __attribute__((always_inline)) {
    Vec column[kVectors];
#pragma GCC unroll 64
    for (int j = 0; j < kVectors; ++j)
      column[j] = Vec::load(w + j / kTileVectors * panel_stride + offset * kPanelWidth + j % kTileVectors * kLanes);
#pragma GCC unroll 64
    for (int r = 0; r < R; ++r) {
      const Vec element(a[r * a_stride + offset]);
#pragma GCC unroll 64
      for (int j = 0; j < kVectors; ++j) sum[r][j] = fma(element, column[j], sum[r][j]);
    }
  };

  int64_t k = call.k;
  const char* next = call.next;
  for (; k >= kUnroll; k -= kUnroll) {
    for (int64_t line = 0; line < call.lines; ++line, next += 64) __builtin_prefetch(next, 0, 2);
#pragma GCC unroll 64
    for (int u = 0; u < kUnroll; ++u) step(u);
    a += kUnroll;
    w += kUnroll * kPanelWidth;
  }
  for (; k > 0; --k) {
    step(0);
    a += 1;
    w += kPanelWidth;
  }

#pragma GCC unroll 64
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 64
    for (int j = 0; j < kVectors; ++j) {
      float* to = call.sums + j / kTileVectors * call.sums_stride + r * kPanelWidth + j % kTileVectors * kLanes;
      (call.first ? sum[r][j] : Vec::load(to) + sum[r][j]).store(to);
    }
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
