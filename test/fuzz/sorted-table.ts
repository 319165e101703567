import { crc32c, masked } from '../../lib/checkpoint/tf-bundle/crc32c';
import type { Dice } from './dice';
import { mutateBytes } from './mutate-bytes';
import { varint } from './proto';

/** Writes the sorted tables of TensorFlow's checkpoints, with dice now and then with a lie in them. */

export interface TableEntry {
  key: Buffer;
  value: Buffer;
}

const kMagic = Buffer.from('57fb808b247547db', 'hex');
const kRestartEvery = 16;
const kNone = 0;
const kSnappy = 1;

/** A file of these entries in one to three blocks; without dice a sound one, in one. */
export function tableBytes(dice: Dice | null, entries: readonly TableEntry[]): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  const add = (list: readonly TableEntry[]) => {
    const block = finished(dice, contentOf(dice, list));
    parts.push(block);
    const [offset, size] = [at, block.byteLength - 5];
    at += block.byteLength;
    return Buffer.concat([varint(lied(dice, offset)), varint(lied(dice, size))]);
  };
  const blocks: TableEntry[] = [];
  const step = Math.max(1, Math.ceil(entries.length / (dice?.pick([1, 1, 2, 3]) ?? 1)));
  for (let from = 0; from < entries.length; from += step) {
    const some = entries.slice(from, from + step);
    blocks.push({ key: (some.at(-1) as TableEntry).key, value: add(some) });
  }
  // Blocks in another order, or twice.
  if (blocks.length > 0 && dice?.once(20)) blocks.push(dice.pick(blocks));
  const meta = add([]);
  const index = add(blocks);
  const footer = Buffer.alloc(48);
  Buffer.concat([meta, index]).copy(footer, 0, 0, 40);
  kMagic.copy(footer, 40);
  return Buffer.concat([...parts, footer]);
}

/** Mostly `value`. */
function lied(dice: Dice | null, value: number): number | bigint {
  return dice?.once(250) ? dice.number(value) : value;
}

function contentOf(dice: Dice | null, entries: readonly TableEntry[]): Buffer {
  const parts: Buffer[] = [];
  const restarts: number[] = [0];
  let last: Buffer = Buffer.alloc(0);
  let at = 0;
  for (const [i, { key, value }] of entries.entries()) {
    let shared = 0;
    if (i > 0 && i % kRestartEvery === 0) restarts.push(at);
    else while (shared < key.byteLength && shared < last.byteLength && key[shared] === last[shared]) shared++;
    last = key;
    const lengths = [shared, key.byteLength - shared, value.byteLength].map((length) => varint(lied(dice, length)));
    const entry = Buffer.concat([...lengths, key.subarray(shared), value]);
    parts.push(entry);
    at += entry.byteLength;
  }
  const tail = Buffer.alloc(4 * restarts.length + 4);
  for (const [i, restart] of restarts.entries()) tail.writeUInt32LE(restart, 4 * i);
  const stated = dice?.once(90) ? Number(BigInt.asUintN(32, dice.number(restarts.length))) : restarts.length;
  tail.writeUInt32LE(stated, 4 * restarts.length);
  return Buffer.concat([...parts, tail]);
}

/** A block with its type and its sum; compressed, of an unknown type, changed behind our back, or with another sum now and then. */
function finished(dice: Dice | null, content: Buffer): Buffer {
  let type = dice?.once(8) ? kSnappy : kNone;
  let stored = dice && type === kSnappy ? snapped(dice, content) : content;
  if (dice?.once(30)) stored = mutateBytes(dice, stored);
  if (dice?.once(90)) type = dice.below(256);
  const block = Buffer.concat([stored, Buffer.from([type]), Buffer.alloc(4)]);
  const end = block.byteLength - 4;
  block.writeUInt32LE((masked(crc32c(block.subarray(0, end))) ^ (dice?.once(90) ? 1 : 0)) >>> 0, end);
  return block;
}

/** Snappy's format: pieces as they are, and copies of what came before where four bytes repeat. */
function snapped(dice: Dice, content: Buffer): Buffer {
  const parts: Buffer[] = [varint(lied(dice, content.byteLength))];
  for (let at = 0; at < content.byteLength; ) {
    const size = Math.min(content.byteLength - at, 1 + dice.below(60));
    const back = at >= 4 ? content.subarray(0, at).lastIndexOf(content.subarray(at, at + 4)) : -1;
    if (back >= 0 && at + 4 <= content.byteLength) {
      const far = at - back + (dice.once(40) ? dice.pick([-at, 1, 0xfff0]) : 0);
      parts.push(Buffer.from([(3 << 2) | 2, far & 255, (far >> 8) & 255]));
      at += 4;
    } else {
      parts.push(Buffer.from([(size - 1) << 2]), content.subarray(at, at + size));
      at += size;
    }
  }
  return Buffer.concat(parts);
}
