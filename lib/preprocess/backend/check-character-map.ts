/**
 * Checks that nothing in a character map (`precompiled_charsmap`) points beyond it: the tokenizers library ends the process at
 * one that is damaged. The layout is that of sentencepiece's normalizer and of Darts-clone. Runs on the tokenizer thread:
 * nothing outside of it may be used in it but types.
 */
/* istanbul ignore next: counters of a coverage run would be names from outside */
export function checkCharacterMap(map: Uint8Array, refuse: (what: string) => never): void {
  const { isUtf8 } = require('node:buffer') as typeof import('node:buffer');
  const buffer = Buffer.from(map.buffer, map.byteOffset, map.byteLength);
  const size = buffer.length >= 4 ? buffer.readUInt32LE(0) : 0;
  if (size < 1024 || size % 1024 !== 0 || size > buffer.length - 4)
    refuse(`its character map (precompiled_charsmap) is damaged: a table of ${size} bytes among ${buffer.length}`);
  const texts = buffer.subarray(4 + size);
  if (!isUtf8(texts)) refuse('the texts of its character map (precompiled_charsmap) are not UTF-8');
  const count = size / 4;
  const unitAt = (i: number): number => buffer.readUInt32LE(4 + 4 * i);
  for (let i = 0; i < count; i++) {
    const unit = unitAt(i);
    if (unit >= 2 ** 31) continue; // the number at the end of a way, which leads no further
    const next = i ^ ((unit >>> 10) << ((unit & 512) >> 6));
    if (next < 0 || next >= count) refuse(`entry ${i} of its character map (precompiled_charsmap) points beyond it`);
    if ((unit & 256) === 0) continue;
    const place = unitAt(next) & 0x7fffffff;
    if (place > texts.length || ((texts[place] ?? 0) & 0xc0) === 0x80)
      refuse(
        `entry ${i} of its character map (precompiled_charsmap) stands for the text at ${place}, where none begins`,
      );
  }
}
