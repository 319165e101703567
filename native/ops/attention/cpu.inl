// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). Compute-bound.
//
// A task turns the keys that it needs into panels Kᵀ [keys / W][d][W] and the values into panels [d / W][keys][W] (W is
// the width of the GEMM's panels), then walks its queries in strips of R <= kTileRows:
//   scores [keys / W][R][W] = (scale q) Kᵀ     microkernel of cpu/gemm/tile.inl
//   weights [R][keys] = e^(score - maximum), and the sum of each row
//   out = (weights V) / sum                    microkernel again
// Every sum runs in the order of its keys or of d whatever the strip, and a key keeps its lane: a row depends on its
// own sequence alone. A sequence of one query, as in decoding, goes another way, in which nothing is packed.

// Added to a masked score, as Transformers' eager attention does: a row with every key masked is uniform.
static constexpr float kMasked = -3.40282347e+38f;

static constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}
static constexpr int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}
static constexpr int64_t larger(int64_t a, int64_t b) {
  return a > b ? a : b;
}

class Attention {
 public:
  static int64_t scratch_floats(int64_t length, int64_t rows, int64_t d) {
    return Layout(length, smaller(rows, kTileRows), d).end;
  }

  Attention(const AttentionTask& task, float* scratch) : t_(task) {
    keys_ = aligned(keys_of(task.first_row, task.last_row));
    const Layout layout(keys_.size(), smaller(task.last_row - task.first_row, kTileRows), task.d);
    key_panels_ = scratch;
    value_panels_ = scratch + layout.value_panels;
    queries_ = scratch + layout.queries;
    scores_ = scratch + layout.scores;
    weights_ = scratch + layout.weights;
    weights_stride_ = layout.weights_stride;
    products_ = scratch + layout.products;
    penalties_ = scratch + layout.penalties;
  }

  void run() {
    if (t_.mask) write_penalties(t_.first_row);
    if (t_.queries == 1 && t_.group <= t_.d) return run_single();
    pack_keys();
    pack_values();
    const int64_t rows = t_.last_row - t_.first_row, strips = (rows + kTileRows - 1) / kTileRows;
    const auto begin_of = [&](int64_t s) { return t_.first_row + rows * s / strips; };
    for (int64_t head = 0; head < t_.group; ++head)
      for (int64_t s = 0; s < strips; ++s) {
        if (s + 1 < strips) prefetch_queries(head, begin_of(s + 1), begin_of(s + 2));
        run_strip(head, begin_of(s), begin_of(s + 1));
      }
  }

 private:
  // Values of a single query that are summed at once.
  static constexpr int64_t kBlock = 32;

  // Keys [begin, end).
  struct Keys {
    int64_t begin, end;
    int64_t size() const { return end - begin; }
  };

  // Where things lie in scratch.
  struct Layout {
    int64_t value_panels, queries, scores, weights, weights_stride, products, penalties, end;

    Layout(int64_t keys, int64_t strip, int64_t d) {
      const int64_t columns = round_up(keys, kPanelWidth), panels = round_up(d, kPanelWidth);
      weights_stride = columns + 16;  // rows a multiple of 4 KiB apart would share the sets of the nearest cache
      value_panels = round_up(columns * d, 16);
      queries = value_panels + panels * columns;
      scores = queries + round_up(strip * d, 16);
      weights = scores + strip * columns;
      products = weights + strip * weights_stride;
      penalties = products + strip * panels;
      end = penalties + columns;
    }
  };

  // The keys that queries [first, last) may see. A mask needs all of them: it may leave nothing but masked ones.
  Keys keys_of(int64_t first, int64_t last) const {
    if (t_.mask) return {0, t_.keys};
    first += ahead(), last += ahead();
    Keys keys = {0, t_.causal ? last : t_.keys};
    if (t_.window != kNoWindow) keys = {larger(0, first - t_.window), smaller(keys.end, last + t_.window)};
    return keys;
  }
  // Keys before the first query.
  int64_t ahead() const { return t_.keys - t_.queries; }

  // The key or value of token j.
  const float* row(const float* base, int64_t j) const {
    if (!t_.pages) return base + j * t_.kv_stride;
    const int64_t in_page = j & ((int64_t(1) << t_.page_shift) - 1);
    return base + ((static_cast<int64_t>(t_.pages[j >> t_.page_shift]) << t_.page_shift) + in_page) * t_.kv_stride;
  }
  static Keys aligned(Keys keys) { return {keys.begin / kPanelWidth * kPanelWidth, keys.end}; }

  void pack_keys() {
    for (int64_t j = 0; j < round_up(keys_.size(), kPanelWidth); j += Vec::kLanes) {
      for (int64_t i = keys_.begin + j; i < smaller(keys_.begin + j + Vec::kLanes, keys_.end); ++i) {
        if (i + Vec::kLanes < keys_.end) prefetch(row(t_.k, i + Vec::kLanes));
        prefetch(row(t_.v, i));
      }
      float* panel = key_panels_ + j / kPanelWidth * kPanelWidth * t_.d + j % kPanelWidth;
      for (int64_t c = 0; c < t_.d; c += Vec::kLanes) {
        const int columns = static_cast<int>(smaller(t_.d - c, Vec::kLanes));
        Vec rows[Vec::kLanes];
        for (int i = 0; i < Vec::kLanes; ++i)
          rows[i] =
              keys_.begin + j + i < keys_.end ? load_lanes(row(t_.k, keys_.begin + j + i) + c, columns) : Vec(0.0f);
        transpose(rows);
        for (int i = 0; i < columns; ++i) rows[i].store(panel + (c + i) * kPanelWidth);
      }
    }
  }

  // Rows of one head lie pages apart, which the hardware's prefetchers do not follow.
  void prefetch(const float* row) const {
    for (int64_t c = 0; c < t_.d; c += 16) __builtin_prefetch(row + c);
  }

  void prefetch_queries(int64_t head, int64_t first, int64_t last) const {
    for (int64_t i = first; i < last; ++i) prefetch(t_.q + i * t_.q_stride + head * t_.d);
  }

  void pack_values() {
    prefetch_queries(0, t_.first_row, smaller(t_.last_row, t_.first_row + kTileRows));
    float* to = value_panels_;
    for (int64_t c = 0; c < t_.d; c += kPanelWidth)
      for (int64_t j = keys_.begin; j < keys_.end; ++j)
        for (int64_t i = c; i < c + kPanelWidth; i += Vec::kLanes, to += Vec::kLanes) {
          const int lanes = static_cast<int>(smaller(larger(t_.d - i, 0), Vec::kLanes));
          (lanes ? load_lanes(row(t_.v, j) + i, lanes) : Vec(0.0f)).store(to);
        }
  }

  // A sequence's only query: keys and values are read where they lie, once for all heads of the group. What would be
  // panels holds their scores and weights.
  void run_single() {
    const int64_t count = keys_.size(), columns = round_up(count, kPanelWidth);
    float* all_scores = key_panels_;
    for (int64_t j = 0; j < count; j += Vec::kLanes) write_scores(j, count, columns);
    for (int64_t head = 0; head < t_.group; ++head) {
      scores_ = all_scores + head * columns;
      weights_ = value_panels_ + head * columns;
      if (t_.bias) add_bias(head, 0, {0, 1}, keys_);
      if (t_.mask) add_penalties(0, {0, 1}, keys_);
      const float sum = exponentiate({0, 1}, keys_of(0, 1), keys_);
      const float scale = (t_.head_weight ? t_.head_weight[head] : 1.0f) / sum;
      if (t_.probs) write_probs(head, 0, 0, scale, keys_);
      map_to(weights_, weights_, count, [=](Vec v) { return v * Vec(scale); });
    }
    for (int64_t j = 0; j < count; j += kBlock) add_values(j, smaller(kBlock, count - j), columns);
  }

  // Scores of a vector of keys, for all heads. Behind the last key they repeat its score.
  void write_scores(int64_t first, int64_t count, int64_t columns) {
    const float* rows[Vec::kLanes];
    for (int64_t j = 0; j < Vec::kLanes; ++j) {
      rows[j] = row(t_.k, keys_.begin + smaller(first + j, count - 1));
      if (first + Vec::kLanes + j < count) prefetch(row(t_.k, keys_.begin + first + Vec::kLanes + j));
    }
    for (int64_t head = 0; head < t_.group; ++head) {
      const float* q = t_.q + head * t_.d;
      Vec sums[Vec::kLanes];
      for (int64_t j = 0; j < Vec::kLanes; ++j) {
        Vec sum(0.0f);
        const float* k = rows[j];
        for_vectors(t_.d,
                    [&](int64_t i, int lanes) { sum = fma(load_lanes(q + i, lanes), load_lanes(k + i, lanes), sum); });
        sums[j] = sum;
      }
      transpose(sums);
      for (int64_t j = 1; j < Vec::kLanes; ++j) sums[0] = sums[0] + sums[j];
      (sums[0] * Vec(t_.scale)).store(key_panels_ + head * columns + first);
    }
  }

  // out += weights of keys [first, first + count) times their values, or = for the first of them.
  void add_values(int64_t first, int64_t count, int64_t columns) {
    const float* rows[kBlock];
    for (int64_t j = 0; j < count; ++j) {
      rows[j] = row(t_.v, keys_.begin + first + j);
      if (first + count + j < keys_.size()) prefetch(row(t_.v, keys_.begin + first + count + j));
    }
    for (int64_t head = 0; head < t_.group; ++head) {
      const float* weights = value_panels_ + head * columns + first;
      float* out = t_.out + head * t_.d;
      for_vectors(t_.d, [&](int64_t i, int lanes) {
        Vec sum = first ? load_lanes(out + i, lanes) : Vec(0.0f);
        for (int64_t j = 0; j < count; ++j) sum = fma(Vec(weights[j]), load_lanes(rows[j] + i, lanes), sum);
        store_lanes(sum, out + i, lanes);
      });
    }
  }

  void run_strip(int64_t head, int64_t first, int64_t last) {
    const int rows = static_cast<int>(last - first);
    const Keys keys = aligned(keys_of(first, last));
    const int64_t skipped = keys.begin - keys_.begin;
    copy_queries(head, first, rows);
    for (int64_t j = 0; j < keys.size(); j += kPanelWidth)
      multiply(rows, queries_, t_.d, key_panels_ + (skipped + j) * t_.d, t_.d, scores_ + j * rows);
    float scales[kTileRows];
    for (int r = 0; r < rows; ++r) {
      if (t_.bias) add_bias(head, first + r, {r, rows}, keys);
      if (t_.mask) add_penalties(first + r, {r, rows}, keys);
      const float sum = exponentiate({r, rows}, keys_of(first + r, first + r + 1), keys);
      scales[r] = (t_.head_weight ? t_.head_weight[head] : 1.0f) / sum;
      if (t_.probs) write_probs(head, first + r, r, scales[r], keys);
    }
    for (int64_t c = 0; c < t_.d; c += kPanelWidth)
      multiply(rows, weights_, weights_stride_, value_panels_ + c * keys_.size() + skipped * kPanelWidth, keys.size(),
               products_ + c * rows);
    for (int r = 0; r < rows; ++r) write_out(head, first + r, {r, rows}, scales[r]);
  }

  // A row of a strip in the microkernel's layout [columns / W][rows][W].
  struct StripRow {
    int row, rows;
    int64_t at(int64_t column) const {
      return (column / kPanelWidth * rows + row) * kPanelWidth + column % kPanelWidth;
    }
  };

  void copy_queries(int64_t head, int64_t first, int rows) {
    const Vec scale(t_.scale);
    for (int r = 0; r < rows; ++r) {
      const float* q = t_.q + (first + r) * t_.q_stride + head * t_.d;
      float* to = queries_ + r * t_.d;
      for_vectors(t_.d, [=](int64_t i, int lanes) { store_lanes(load_lanes(q + i, lanes) * scale, to + i, lanes); });
    }
  }

  void multiply(int rows, const float* a, int64_t a_stride, const float* panel, int64_t k, float* sums) {
    kTiles<float>.single[rows]({a, a_stride, panel, 0, k, sums, 0, true, nullptr, 0});
  }

  void add_bias(int64_t head, int64_t query, StripRow row, Keys keys) {
    const float* bias = t_.bias + head * t_.bias_head_stride + query * t_.bias_stride + keys.begin;
    for_vectors(keys.size(), [=](int64_t j, int lanes) {
      float* score = scores_ + row.at(j);
      store_lanes(load_lanes(score, lanes) + load_lanes(bias + j, lanes), score, lanes);
    });
  }

  // Under a mask the causal and window limits are masked scores like any other.
  void write_penalties(int64_t query) {
    const uint8_t* mask = t_.mask + query * t_.mask_stride;
    const int64_t own = query + ahead();
    for (int64_t j = 0; j < t_.keys; ++j) {
      const int64_t distance = j < own ? own - j : j - own;
      const bool seen = mask[j] && !(t_.causal && j > own) && !(t_.window != kNoWindow && distance > t_.window);
      penalties_[j] = seen ? 0.0f : kMasked;
    }
  }

  void add_penalties(int64_t query, StripRow row, Keys keys) {
    if (t_.mask_stride || t_.causal || t_.window != kNoWindow) write_penalties(query);
    for_vectors(keys.size(), [=](int64_t j, int lanes) {
      float* score = scores_ + row.at(j);
      store_lanes(load_lanes(score, lanes) + load_lanes(penalties_ + j, lanes), score, lanes);
    });
  }

  // weights = e^(score - maximum) for the keys that the query sees, 0 for the strip's others. Returns their sum.
  float exponentiate(StripRow row, Keys seen, Keys strip) {
    const int64_t first = seen.begin - strip.begin, last = seen.end - strip.begin;
    const int64_t begin = first / kPanelWidth * kPanelWidth;
    const int64_t panel_step = static_cast<int64_t>(row.rows) * kPanelWidth;
    float* weights = weights_ + row.row * weights_stride_;
    for (int64_t j = 0; j < begin; j += Vec::kLanes) Vec(0.0f).store(weights + j);

    // body(u, score, j) for every vector of scores from `begin` to `last`; u is its place in the panel.
    const auto for_scores = [&](const auto& body) __attribute__((always_inline)) {
      const float* scores = scores_ + row.at(begin);
      for (int64_t p = begin; p < last; p += kPanelWidth, scores += panel_step) {
        const bool whole = p >= first && p + kPanelWidth <= last;
#pragma GCC unroll 4
        for (int u = 0; u < kTileVectors; ++u) {
          const int64_t j = p + u * Vec::kLanes;
          if (whole)
            body(u, Vec::load(scores + u * Vec::kLanes), j);
          else if (j < last)
            body(u, within(Vec::load(scores + u * Vec::kLanes), first - j, last - j), j);
        }
      }
    };
    Vec tops[kTileVectors], sums[kTileVectors];
    for (int u = 0; u < kTileVectors; ++u) tops[u] = Vec(-__builtin_inff()), sums[u] = Vec(0.0f);
    for_scores([&](int u, Vec score, int64_t) { tops[u] = max(tops[u], score); });
    for (int u = 1; u < kTileVectors; ++u) tops[0] = max(tops[0], tops[u]);
    const Vec top(reduce_max(tops[0]));
    for_scores([&](int u, Vec score, int64_t j) {
      const Vec e = math::exp_nonpositive(score - top);
      e.store(weights + j);
      sums[u] = sums[u] + e;
    });
    for (int64_t j = round_up(last, Vec::kLanes); j < strip.size(); j += Vec::kLanes) Vec(0.0f).store(weights + j);
    for (int u = 1; u < kTileVectors; ++u) sums[0] = sums[0] + sums[u];
    return reduce_add(sums[0]);
  }

  // Lanes [first, last) of x, and -inf in the others.
  static Vec within(Vec x, int64_t first, int64_t last) {
    if (last < Vec::kLanes) x = select(first_lanes(static_cast<int>(last)), x, Vec(-__builtin_inff()));
    if (first > 0) x = select(first_lanes(static_cast<int>(smaller(first, Vec::kLanes))), Vec(-__builtin_inff()), x);
    return x;
  }

  void write_probs(int64_t head, int64_t query, int row, float scale, Keys keys) {
    float* to = t_.probs + head * t_.probs_head_stride + query * t_.probs_stride;
    for (int64_t j = 0; j < keys.begin; ++j) to[j] = 0.0f;
    for (int64_t j = keys.end; j < t_.probs_columns; ++j) to[j] = 0.0f;
    const float* weights = weights_ + row * weights_stride_;
    to += keys.begin;
    map_to(weights, to, keys.size(), [=](Vec v) { return v * Vec(scale); });
  }

  void write_out(int64_t head, int64_t query, StripRow row, float scale) {
    float* to = t_.out + query * t_.q_stride + head * t_.d;
    for_vectors(
        t_.d, [=](int64_t i, int lanes) { store_lanes(Vec::load(products_ + row.at(i)) * Vec(scale), to + i, lanes); });
  }

  const AttentionTask& t_;
  Keys keys_;  // that the task needs
  float *key_panels_, *value_panels_, *queries_, *scores_, *weights_, *products_, *penalties_;
  int64_t weights_stride_;
};

static void attend_task(const AttentionTask& task, float* scratch) {
  Attention(task, scratch).run();
}

static void distance_row(const float* q, const float* k, int64_t k_stride, const float* row, int64_t d, float scale,
                         float* scores, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    const float* key = k ? k + j * k_stride : nullptr;
    const float* distance = row - j * d;
    scores[j] = scale * sum_over(d, [=](int64_t i, int lanes) {
                  const Vec x = load_lanes(q + i, lanes);
                  return (key ? x + load_lanes(key + i, lanes) : x) * load_lanes(distance + i, lanes);
                });
  }
}

static constexpr AttentionKernels kAttention = {Attention::scratch_floats, attend_task, distance_row};
