// Loops over rows of floats, compiled once per instruction set before the families' bodies (cpu/isa/families.inl).
// `lanes` is kLanes, or what is left at the end of a row.

static inline Vec load_lanes(const float* p, int lanes) {
  return lanes == Vec::kLanes ? Vec::load(p) : Vec::load(p, lanes);
}
static inline void store_lanes(Vec v, float* p, int lanes) {
  if (lanes == Vec::kLanes)
    v.store(p);
  else
    v.store(p, lanes);
}

template <class Each>
static inline void for_vectors(int64_t n, const Each& each) {
  int64_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) each(i, Vec::kLanes);
  if (i < n) each(i, static_cast<int>(n - i));
}

// The sum of term(i, lanes) over [0, n), in four vectors that are joined in a fixed order; term gives zeros behind
// `lanes`.
template <class Term>
static inline float sum_over(int64_t n, const Term& term) {
  constexpr int64_t w = Vec::kLanes;
  Vec s0(0.0f), s1(0.0f), s2(0.0f), s3(0.0f);
  int64_t i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
    s0 = s0 + term(i, static_cast<int>(w));
    s1 = s1 + term(i + w, static_cast<int>(w));
    s2 = s2 + term(i + 2 * w, static_cast<int>(w));
    s3 = s3 + term(i + 3 * w, static_cast<int>(w));
  }
  for (; i + w <= n; i += w) s0 = s0 + term(i, static_cast<int>(w));
  if (i < n) s1 = s1 + term(i, static_cast<int>(n - i));
  return reduce_add((s0 + s1) + (s2 + s3));
}

template <class In, class Out, class F>
static inline void map_to(const In* x, Out* out, int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + Vec::kLanes <= n; i += Vec::kLanes) f(Vec::load(x + i)).store(out + i);
  const int rest = static_cast<int>(n - i);
  if (rest) f(Vec::load(x + i, rest)).store(out + i, rest);
}
