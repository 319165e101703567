import { nativeCrc32c } from '../../../lib/binding/files';
import { crc32c, crc32cByTables } from '../../../lib/checkpoint/tf-bundle/crc32c';

/** Bit by bit, as the polynomial says. */
function slowCrc(bytes: Uint8Array, before: number): number {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

const bytes = Uint8Array.from({ length: 4200 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff);
const lengths = [...Array.from({ length: 34 }, (_, i) => i), 255, 256, 257, 1023, 4096];

describe.each([
  ['native code', (part: Uint8Array, before: number) => nativeCrc32c(part, before)],
  ['tables', crc32cByTables],
  ['either', crc32c],
])('CRC-32C by %s', (_name, sum) => {
  test.each(lengths)('sums %i bytes from any place on, behind any other', (length) => {
    for (const start of [0, 1, 3, 7, 8])
      for (const before of [0, 1, 0x80000000, 0xffffffff]) {
        const part = bytes.subarray(start, start + length);
        expect([start, before, sum(part, before)]).toEqual([start, before, slowCrc(part, before)]);
      }
  });

  test('gives the sum that RFC 3720 lists for 32 bytes of ones', () => {
    expect(sum(new Uint8Array(32).fill(0xff), 0)).toBe(0x62a8ab43);
  });
});
