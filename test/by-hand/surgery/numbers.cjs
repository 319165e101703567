/** The numbers that the bytes of a tensor are. */

const sizes = { float32: 4, float16: 2, bfloat16: 2, int64: 8 };
const float32 = new Float32Array(1);
const bits32 = new Uint32Array(float32.buffer);

function numbersOf(bytes, dtype) {
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  if (dtype === 'float32') return [...new Float32Array(copy)];
  return Array.from(new Uint16Array(copy), dtype === 'bfloat16' ? fromBfloat16 : fromFloat16);
}

function fromBfloat16(bits) {
  bits32[0] = bits << 16;
  return float32[0];
}

function fromFloat16(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

module.exports = { numbersOf, sizes };
