// The microkernel for few rows of A and weights that lie row by row: R rows of A times one panel's rows of W, one block
// of K. Squares of W are turned in registers and never stored. The sums and their order are those of tile.inl.
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

// The words of kLanes rows, as columns: `each(j, column)` for the j of a square, in rising order.
template <class W, class Each>
static inline void turn_square(const W* rows, int64_t row_stride, const Each& each) {
  Vec square[Vec::kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < Vec::kLanes; ++i) square[i] = Vec::load(rows + i * row_stride);
  transpose(square);
#pragma GCC unroll 16
  for (int j = 0; j < Vec::kLanes; ++j) each(j, square[j]);
}

// Two neighbours of a row are turned as one word: half the work.
template <class Each>
static inline void turn_square(const BF16* rows, int64_t row_stride, const Each& each) {
  Vec square[Vec::kLanes];
#pragma GCC unroll 16
  for (int i = 0; i < Vec::kLanes; ++i)
    square[i] = as_float(IVec::load(reinterpret_cast<const int32_t*>(rows + i * row_stride)));
  transpose(square);
#pragma GCC unroll 16
  for (int j = 0; j < Vec::kLanes; ++j) {
    const IVec pair = as_int(square[j]);
    each(2 * j, as_float(shift_left(pair, 16)));
    each(2 * j + 1, as_float(pair & IVec(-65536)));
  }
}

template <class W>
static constexpr int kSquareColumns = Vec::kLanes;
template <>
constexpr int kSquareColumns<BF16> = 2 * Vec::kLanes;

template <int R, class W>
static void row_tile(const RowTileCall& call) {
  constexpr int kLanes = Vec::kLanes, kColumns = kSquareColumns<W>;
  Vec sum[R][kTileVectors];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int j = 0; j < kTileVectors; ++j) sum[r][j] = Vec(0.0f);
  const W* w = static_cast<const W*>(call.rows);
  const float* a = call.a;
  const int64_t row_stride = call.row_stride, a_stride = call.a_stride;
  int64_t k = call.k;
  for (; k >= kColumns; k -= kColumns, w += kColumns, a += kColumns) {
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) {
      const W* rows = w + v * kLanes * row_stride;
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i)
        __builtin_prefetch(reinterpret_cast<const char*>(rows + i * row_stride) + kBytesAhead, 0, 3);
      turn_square(
          rows, row_stride, [&](int j, Vec column) __attribute__((always_inline)) {
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) sum[r][v] = fma(Vec(a[r * a_stride + j]), column, sum[r][v]);
          });
    }
  }
  for (; k > 0; --k, ++w, ++a)
    for (int v = 0; v < kTileVectors; ++v) {
      float column[kLanes];
      for (int i = 0; i < kLanes; ++i) Vec::load(w + (v * kLanes + i) * row_stride, 1).store(column + i, 1);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) sum[r][v] = fma(Vec(a[r * a_stride]), Vec::load(column), sum[r][v]);
    }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < kTileVectors; ++v) {
      float* place = call.sums + r * kPanelWidth + v * kLanes;
      (call.first ? sum[r][v] : Vec::load(place) + sum[r][v]).store(place);
    }
}

template <class W>
static constexpr void (*kRowTiles[kRowTileRows + 1])(const RowTileCall&) = {
    nullptr, row_tile<1, W>, row_tile<2, W>, row_tile<3, W>, row_tile<4, W>,
};
