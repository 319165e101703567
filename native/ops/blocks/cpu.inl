// Compiled once per instruction set, inside its namespace (cpu/isa/families.inl). Plain loops, which the compiler turns
// into vectors: no product is fused with a sum, so every set gives the bits of ggml's own scalar code.

static inline float block_half(const uint8_t* p) {
  const uint32_t h = static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8;
  const uint32_t sign = (h & 0x8000) << 16, exponent = h >> 10 & 0x1f, mantissa = h & 0x3ff;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * (1.0f / 16777216.0f);  // mantissa * 2^-24, exact
    return sign ? -magnitude : magnitude;
  }
  const uint32_t bits = sign | (exponent == 0x1f ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Scale and minimum number i of the eight of Q4_K and Q5_K, six bits each.
static inline void block_scale_min(const uint8_t* s, int i, float* scale, float* min) {
  const int low = i < 4 ? s[i] & 63 : (s[i + 4] & 15) | s[i - 4] >> 6 << 4;
  const int high = i < 4 ? s[i + 4] & 63 : s[i + 4] >> 4 | s[i] >> 6 << 4;
  *scale = static_cast<float>(low);
  *min = static_cast<float>(high);
}

static void dequantize_q4_0(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 18, out += 32) {
    const float d = block_half(x);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>((x[2 + i] & 15) - 8);
      out[i + 16] = d * static_cast<float>((x[2 + i] >> 4) - 8);
    }
  }
}

static void dequantize_q4_1(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 20, out += 32) {
    const float d = block_half(x), m = block_half(x + 2);
    for (int i = 0; i < 16; ++i) {
      out[i] = d * static_cast<float>(x[4 + i] & 15) + m;
      out[i + 16] = d * static_cast<float>(x[4 + i] >> 4) + m;
    }
  }
}

// The fifth bits of a block of 32.
static inline uint32_t block_bits(const uint8_t* p) {
  uint32_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return bits;
}

static void dequantize_q5_0(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 22, out += 32) {
    const float d = block_half(x);
    const uint32_t high = block_bits(x + 2);
    for (int i = 0; i < 16; ++i) {
      const int low0 = x[6 + i] & 15, low1 = x[6 + i] >> 4;
      out[i] = d * static_cast<float>((low0 | static_cast<int>(high >> i & 1) << 4) - 16);
      out[i + 16] = d * static_cast<float>((low1 | static_cast<int>(high >> (i + 16) & 1) << 4) - 16);
    }
  }
}

static void dequantize_q5_1(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 24, out += 32) {
    const float d = block_half(x), m = block_half(x + 2);
    const uint32_t high = block_bits(x + 4);
    for (int i = 0; i < 16; ++i) {
      const int low0 = x[8 + i] & 15, low1 = x[8 + i] >> 4;
      out[i] = d * static_cast<float>(low0 | static_cast<int>(high >> i & 1) << 4) + m;
      out[i + 16] = d * static_cast<float>(low1 | static_cast<int>(high >> (i + 16) & 1) << 4) + m;
    }
  }
}

static void dequantize_q8_0(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 34, out += 32) {
    const float d = block_half(x);
    for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(static_cast<int8_t>(x[2 + i]));
  }
}

static void dequantize_q2_k(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 84, out += 256) {
    const float d = block_half(x + 80), dmin = block_half(x + 82);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(x[group] & 15), min = dmin * static_cast<float>(x[group] >> 4);
      const uint8_t* q = x + 16 + group / 8 * 32 + group % 2 * 16;
      const int shift = group / 2 % 4 * 2;
      for (int i = 0; i < 16; ++i) out[group * 16 + i] = scale * static_cast<float>(q[i] >> shift & 3) - min;
    }
  }
}

static void dequantize_q3_k(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 110, out += 256) {
    const uint8_t* scales = x + 96;
    const float d = block_half(x + 108);
    for (int group = 0; group < 16; ++group) {
      const int low = group < 8 ? scales[group] & 15 : scales[group - 8] >> 4;
      const int high = scales[8 + group % 4] >> group / 4 * 2 & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      const uint8_t *q = x + 32 + group / 8 * 32 + group % 2 * 16, *mask = x + group % 2 * 16;
      const int shift = group / 2 % 4 * 2, bit = group / 2;
      for (int i = 0; i < 16; ++i)
        out[group * 16 + i] = scale * static_cast<float>((q[i] >> shift & 3) - (mask[i] >> bit & 1 ? 0 : 4));
    }
  }
}

static void dequantize_q4_k(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 144, out += 256) {
    const float d = block_half(x), dmin = block_half(x + 2);
    for (int group = 0; group < 8; ++group) {
      float scale, min;
      block_scale_min(x + 4, group, &scale, &min);
      scale = d * scale;
      min = dmin * min;
      const uint8_t* q = x + 16 + group / 2 * 32;
      const int shift = group % 2 * 4;
      for (int i = 0; i < 32; ++i) out[group * 32 + i] = scale * static_cast<float>(q[i] >> shift & 15) - min;
    }
  }
}

static void dequantize_q5_k(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 176, out += 256) {
    const float d = block_half(x), dmin = block_half(x + 2);
    const uint8_t* high = x + 16;
    for (int group = 0; group < 8; ++group) {
      float scale, min;
      block_scale_min(x + 4, group, &scale, &min);
      scale = d * scale;
      min = dmin * min;
      const uint8_t* q = x + 48 + group / 2 * 32;
      const int shift = group % 2 * 4;
      for (int i = 0; i < 32; ++i)
        out[group * 32 + i] = scale * static_cast<float>((q[i] >> shift & 15) | (high[i] >> group & 1) << 4) - min;
    }
  }
}

static void dequantize_q6_k(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 210, out += 256) {
    const float d = block_half(x + 208);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(static_cast<int8_t>(x[192 + group]));
      const int half = group / 8, part = group / 2 % 4, first = group % 2 * 16;
      const uint8_t *low = x + half * 64 + part % 2 * 32 + first, *high = x + 128 + half * 32 + first;
      const int low_shift = part / 2 * 4, high_shift = part * 2;
      for (int i = 0; i < 16; ++i) {
        const int q = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
        out[group * 16 + i] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

static inline void dequantize_sixteen_bytes(const uint8_t* q, float d, const int8_t* values, float* out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(values[q[i] & 15]);
    out[i + 16] = d * static_cast<float>(values[q[i] >> 4]);
  }
}

static void dequantize_iq4_nl(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 18, out += 32)
    dequantize_sixteen_bytes(x + 2, block_half(x), kIQ4Values, out);
}

static void dequantize_iq4_xs(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 136, out += 256) {
    const float d = block_half(x);
    const int highs = x[2] | x[3] << 8;
    for (int group = 0; group < 8; ++group) {
      const int low = x[4 + group / 2] >> group % 2 * 4 & 15, high = highs >> 2 * group & 3;
      const float scale = d * static_cast<float>((low | high << 4) - 32);
      dequantize_sixteen_bytes(x + 8 + group * 16, scale, kIQ4Values, out + group * 32);
    }
  }
}

static void dequantize_mxfp4(const uint8_t* x, int64_t blocks, float* out) {
  for (int64_t b = 0; b < blocks; ++b, x += 17, out += 32) {
    // Half of 2^(e - 127), as the values are doubled.
    const uint32_t e = x[0], bits = e < 2 ? 0x00200000u << e : (e - 1) << 23;
    float d;
    std::memcpy(&d, &bits, sizeof d);
    dequantize_sixteen_bytes(x + 1, d, kE2M1Values, out);
  }
}

static constexpr BlockKernels kBlocks = {{dequantize_q4_0, dequantize_q4_1, dequantize_q5_0, dequantize_q5_1,
                                          dequantize_q8_0, dequantize_q2_k, dequantize_q3_k, dequantize_q4_k,
                                          dequantize_q5_k, dequantize_q6_k, dequantize_iq4_nl, dequantize_iq4_xs,
                                          dequantize_mxfp4}};
