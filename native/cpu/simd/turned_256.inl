// Turns blocks of rows into columns by 256-bit registers; included inside the namespaces of AVX2 and AVX-512.

template <class T>
struct Turned;

// Rows i and i + 8 share a register: the steps below stay within its halves.
template <>
struct Turned<uint16_t> {
  static constexpr int kRows = 16, kColumns = 8;

  static void store(const uint16_t* from, int64_t from_stride, uint16_t* to, int64_t to_stride) {
    __m256i r[8], a[8], b[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_stride));
      const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + (i + 8) * from_stride));
      r[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {  // a[2i], a[2i + 1]: rows 2i and 2i + 1 of columns 0 to 3, 4 to 7
      a[2 * i] = _mm256_unpacklo_epi16(r[2 * i], r[2 * i + 1]);
      a[2 * i + 1] = _mm256_unpackhi_epi16(r[2 * i], r[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i)  // b[4i + j]: rows 4i to 4i + 3 of columns 2j and 2j + 1
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        b[4 * i + 2 * half] = _mm256_unpacklo_epi32(a[4 * i + half], a[4 * i + 2 + half]);
        b[4 * i + 2 * half + 1] = _mm256_unpackhi_epi32(a[4 * i + half], a[4 * i + 2 + half]);
      }
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 2 * j * to_stride), _mm256_unpacklo_epi64(b[j], b[4 + j]));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + (2 * j + 1) * to_stride),
                          _mm256_unpackhi_epi64(b[j], b[4 + j]));
    }
  }
};

template <>
struct Turned<uint32_t> {
  static constexpr int kRows = 8, kColumns = 4;

  static void store(const uint32_t* from, int64_t from_stride, uint32_t* to, int64_t to_stride) {
    __m256i r[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_stride));
      const __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + (i + 4) * from_stride));
      r[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
    }
    const __m256i a0 = _mm256_unpacklo_epi32(r[0], r[1]), a1 = _mm256_unpackhi_epi32(r[0], r[1]);
    const __m256i a2 = _mm256_unpacklo_epi32(r[2], r[3]), a3 = _mm256_unpackhi_epi32(r[2], r[3]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_unpacklo_epi64(a0, a2));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + to_stride), _mm256_unpackhi_epi64(a0, a2));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 2 * to_stride), _mm256_unpacklo_epi64(a1, a3));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + 3 * to_stride), _mm256_unpackhi_epi64(a1, a3));
  }
};
