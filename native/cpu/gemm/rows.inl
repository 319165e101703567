// The microkernel for few rows of A and weights that lie row by row: R rows of A times the rows of W that one
// panel would hold, one block of K. Squares of W are turned in registers. The sums and their order are those of
// tile.inl.
static constexpr int kRowTileRows = 4;

// How far ahead rows are fetched: so many of them at once the hardware does not follow.
static constexpr int64_t kBytesAhead = 256;

struct RowTileCall {
  const float* a;
  int64_t a_stride;
  const void* rows;  // kPanelWidth of them
  int64_t row_stride;
  int64_t k;
  float* sums;  // [R][kPanelWidth]
  bool first;   // of the blocks of K
};

// kLanes rows of W as columns. Of bfloat16, a column holds two neighbours of each row: turning them is half the work.
template <class W>
struct Square {
  static constexpr int kColumns = Vec::kLanes;
  Vec columns[Vec::kLanes];

  void turn(const W* rows, int64_t row_stride) {
#pragma GCC unroll 16
    for (int i = 0; i < Vec::kLanes; ++i) columns[i] = Vec::load(rows + i * row_stride);
    transpose(columns);
  }
  Vec column(int j) const {
    return columns[j];
  }
};

template <>
struct Square<BF16> {
  static constexpr int kColumns = 2 * Vec::kLanes;
  Vec columns[Vec::kLanes];

  void turn(const BF16* rows, int64_t row_stride) {
#pragma GCC unroll 16
    for (int i = 0; i < Vec::kLanes; ++i)
      columns[i] = as_float(IVec::load(reinterpret_cast<const int32_t*>(rows + i * row_stride)));
    transpose(columns);
  }
  Vec column(int j) const {
    const IVec pair = as_int(columns[j / 2]);
    return as_float(j % 2 == 0 ? shift_left(pair, 16) : pair & IVec(-65536));
  }
};

template <int R, class W>
static void row_tile(const RowTileCall& call) {
  constexpr int kLanes = Vec::kLanes, kColumns = Square<W>::kColumns, kVectors = kTileVectors;
  Vec sum[R][kVectors];
#pragma GCC unroll 64
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 64
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Vec(0.0f);
  const W* w = static_cast<const W*>(call.rows);
  const float* a = call.a;
  const int64_t row_stride = call.row_stride, a_stride = call.a_stride;
  int64_t k = call.k;
  for (; k >= kColumns; k -= kColumns, w += kColumns, a += kColumns) {
    Square<W> squares[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      const W* rows = w + v * kLanes * row_stride;
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        __builtin_prefetch(reinterpret_cast<const char*>(rows + i * row_stride) + kBytesAhead, 0, 3);
      squares[v].turn(rows, row_stride);
    }
#pragma GCC unroll 32
    for (int j = 0; j < kColumns; ++j)
#pragma GCC unroll 64
      for (int r = 0; r < R; ++r) {
        const Vec element(a[r * a_stride + j]);
#pragma GCC unroll 64
        for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(element, squares[v].column(j), sum[r][v]);
      }
  }
  while (k > 0) {  // less than a square
    const int count = k < kLanes ? static_cast<int>(k) : kLanes;
    for (int v = 0; v < kVectors; ++v) {
      Vec columns[kLanes];
      for (int i = 0; i < kLanes; ++i) {
        const W* row = w + (v * kLanes + i) * row_stride;
        columns[i] = count == kLanes ? Vec::load(row) : Vec::load(row, count);
      }
      transpose(columns);
      for (int j = 0; j < count; ++j)
        for (int r = 0; r < R; ++r) sum[r][v] = fma(Vec(a[r * a_stride + j]), columns[j], sum[r][v]);
    }
    k -= count;
    w += count;
    a += count;
  }
#pragma GCC unroll 64
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 64
    for (int v = 0; v < kVectors; ++v) {
      float* place = call.sums + r * kPanelWidth + v * kLanes;
      (call.first ? sum[r][v] : Vec::load(place) + sum[r][v]).store(place);
    }
}

template <class W>
static constexpr void (*kRowTiles[kRowTileRows + 1])(const RowTileCall&) = {
    nullptr, row_tile<1, W>, row_tile<2, W>, row_tile<3, W>, row_tile<4, W>,
};
