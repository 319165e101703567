// Turning rows of a weight into a panel, for one instruction set: the layout is that of cpu/gemm/pack.h.

static constexpr int64_t kLinesAhead = 4;

// `columns` rows of W[N, K], the first k of each: to [k][kPanelWidth], zeros where there is no row.
template <class T>
static void pack_rows(const T* rows, int64_t row_stride, int64_t columns, int64_t k, T* panel) {
  using Block = Turned<T>;
  constexpr int64_t kLine = kLineBytes / static_cast<int64_t>(sizeof(T));
  static_assert(kPanelWidth % Block::kRows == 0 && kLine % Block::kColumns == 0, "blocks tile lines and panels");
  int64_t i = 0;
  if (columns == kPanelWidth) {
    alignas(kLineBytes) T lines[kPanelWidth * kLine];
    for (; i + kLine <= k; i += kLine) {
      // A line of every row is fetched once: rows a power of two apart push each other out of the nearest cache.
#pragma GCC unroll 4
      for (int64_t j = 0; j < kPanelWidth; ++j) {
        const T* line = rows + j * row_stride + i;
        __builtin_prefetch(line + kLinesAhead * kLine, 0, 2);
        __builtin_memcpy(lines + j * kLine, line, kLineBytes);
      }
      for (int64_t j = 0; j < kPanelWidth; j += Block::kRows)
#pragma GCC unroll 16
        for (int64_t step = 0; step < kLine; step += Block::kColumns)
          Block::store(lines + j * kLine + step, kLine, panel + (i + step) * kPanelWidth + j, kPanelWidth);
    }
  }
  for (; i < k; ++i) {
    for (int64_t j = 0; j < columns; ++j) panel[i * kPanelWidth + j] = rows[j * row_stride + i];
    for (int64_t j = columns; j < kPanelWidth; ++j) panel[i * kPanelWidth + j] = 0;
  }
}

// The same of Wᵀ[K, N].
template <class T>
static void pack_columns(const T* rows, int64_t row_stride, int64_t columns, int64_t k, T* panel) {
  for (int64_t i = 0; i < k; ++i) {
    const T* row = rows + i * row_stride;
    T* to = panel + i * kPanelWidth;
    if (columns == kPanelWidth) {
      __builtin_memcpy(to, row, sizeof(T) * kPanelWidth);
      continue;
    }
    for (int64_t j = 0; j < columns; ++j) to[j] = row[j];
    for (int64_t j = columns; j < kPanelWidth; ++j) to[j] = 0;
  }
}

static void pack_panel(const PanelSource& from, int64_t columns, int64_t k, void* panel) {
  const auto as = [&](auto word) {
    using T = decltype(word);
    const T* rows = static_cast<const T*>(from.rows);
    if (from.transposed)
      pack_columns(rows, from.row_stride, columns, k, static_cast<T*>(panel));
    else
      pack_rows(rows, from.row_stride, columns, k, static_cast<T*>(panel));
  };
  if (from.item == 4)
    as(uint32_t{});
  else
    as(uint16_t{});
}
