// CRC-32C by the CPU's own instruction where the instruction set has one, by tables elsewhere.
#if defined(__SSE4_2__) || (defined(_MSC_VER) && defined(__AVX2__))

inline uint32_t crc32c_step(uint32_t crc, uint8_t byte) {
  return _mm_crc32_u8(crc, byte);
}
inline uint32_t crc32c_step(uint32_t crc, uint64_t word) {
  return static_cast<uint32_t>(_mm_crc32_u64(crc, word));
}

#elif defined(__ARM_FEATURE_CRC32)

inline uint32_t crc32c_step(uint32_t crc, uint8_t byte) {
  return __crc32cb(crc, byte);
}
inline uint32_t crc32c_step(uint32_t crc, uint64_t word) {
  return __crc32cd(crc, word);
}

#else

// Table k: what a byte becomes when k more bytes follow it.
struct CrcTables {
  uint32_t words[8][256];

  CrcTables() {
    constexpr uint32_t kPolynomial = 0x82f63b78;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? kPolynomial : 0);
      words[0][byte] = crc;
    }
    for (int k = 1; k < 8; ++k)
      for (int byte = 0; byte < 256; ++byte)
        words[k][byte] = (words[k - 1][byte] >> 8) ^ words[0][words[k - 1][byte] & 0xff];
  }
};

inline const CrcTables& crc_tables() {
  static const CrcTables tables;
  return tables;
}

inline uint32_t crc32c_step(uint32_t crc, uint8_t byte) {
  return (crc >> 8) ^ crc_tables().words[0][(crc ^ byte) & 0xff];
}

inline uint32_t crc32c_step(uint32_t crc, uint64_t word) {
  const CrcTables& tables = crc_tables();
  word ^= crc;
  crc = 0;
  for (int k = 0; k < 8; ++k) crc ^= tables.words[7 - k][(word >> (8 * k)) & 0xff];
  return crc;
}

#endif

inline uint32_t crc32c(const uint8_t* bytes, int64_t n, uint32_t before) {
  uint32_t crc = ~before;
  for (; n >= 8; bytes += 8, n -= 8) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    crc = crc32c_step(crc, word);
  }
  for (; n > 0; ++bytes, --n) crc = crc32c_step(crc, *bytes);
  return ~crc;
}
