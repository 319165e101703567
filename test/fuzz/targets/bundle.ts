import { join } from 'node:path';
import { headerLimits } from '../../../lib/checkpoint/header-limits';
import { crc32c, masked } from '../../../lib/checkpoint/tf-bundle/crc32c';
import { readTable } from '../../../lib/checkpoint/tf-bundle/table';
import { readPacked, unpacked } from '../../checkpoint/packed';
import { Dice } from '../dice';
import { mutateBytes } from '../mutate-bytes';
import { copyOf, decodeProto, encodeProto, type Proto, type ProtoPlace, type ProtoValue, placesOf } from '../proto';
import { tableBytes } from '../sorted-table';
import type { Target } from '../target';
import { inspect, openAndReadOne } from './weights-file';

const kName = 'model.ckpt.index';
const kPacked = join(__dirname, '../../checkpoint/tf-bundle/tensorflow.json');
/** Fields of an entry. */
const kShard = 3;
const kOffset = 4;
const kSize = 5;
const kSum = 6;

interface Row {
  key: Buffer;
  value: Proto;
  /** The value's bytes; null for one that has been changed. */
  bytes: Buffer | null;
}

export interface Bundle {
  rows: readonly Row[];
  /** Files of data, by name. */
  data: ReadonlyMap<string, Buffer>;
  index: Buffer;
}

let corpus: readonly Bundle[];

export const bundle: Target = {
  name: 'bundle',
  about: "blocks, keys, entries, slices and sums of TensorFlow's checkpoints, compressed too, and their data",

  async prepare() {
    const packed = readPacked<{ files: Record<string, string> }>(kPacked);
    const all = Object.values(packed).map(({ files }) =>
      Object.entries(files).map(([name, text]) => [name, unpacked(text)] as const),
    );
    corpus = await Promise.all(all.map((files) => bundleOf(new Map(files))));
  },

  make: (seed) => {
    const dice = new Dice(seed);
    return mutateBundle(dice, dice.pick(corpus), corpus);
  },

  open: (folder, _, files) => inspect(join(folder, kName), files),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};

/** The checkpoint that these files are. */
export async function bundleOf(files: ReadonlyMap<string, Buffer>): Promise<Bundle> {
  const index = files.get(kName) as Buffer;
  const readInto = async (target: Uint8Array) => void target.set(index);
  const table = await readTable({ path: kName, size: index.byteLength, readInto }, headerLimits());
  const rows = table.map(({ key, value }) => ({ key, value: decodeProto(value), bytes: value }));
  return { rows, data: new Map([...files].filter(([name]) => name !== kName)), index };
}

export function mutateBundle(
  dice: Dice,
  { rows, data, index }: Bundle,
  others: readonly Bundle[],
): Map<string, Buffer> {
  const files = new Map<string, Buffer>([[kName, index], ...data]);
  if (dice.once(12)) files.set(kName, mutateBytes(dice, index, dice.pick(others).index));
  else if (dice.once(16)) files.delete(dice.pick([...data.keys()]));
  else {
    const changed = changeRows(dice, rows);
    if (!dice.once(4)) sumAgain(changed, [...data.values()]);
    const encoded = changed.map(({ key, value, bytes }) => ({ key, value: bytes ?? encodeProto(value) }));
    files.set(kName, tableBytes(dice, encoded));
  }
  const [name, bytes] = dice.pick([...data]);
  if (dice.once(16)) files.set(name, mutateBytes(dice, bytes));
  return files;
}

function changeRows(dice: Dice, given: readonly Row[]): Row[] {
  const rows = given.map((row) => ({ ...row }));
  for (let i = dice.below(4); i > 0 && rows.length > 0; i--) {
    const at = dice.below(rows.length);
    const row = rows[at] as Row;
    switch (dice.below(16)) {
      case 0:
        rows.splice(at, 1);
        break;
      case 1:
        // Right behind itself, or where it breaks the order.
        rows.splice(dice.once(2) ? at : dice.below(rows.length), 0, { ...row });
        break;
      case 2:
        row.key = dice.once(4) ? dice.pick(rows).key : mutateBytes(dice, row.key);
        // Most keys are in order again, as those of a table must be.
        if (!dice.once(8)) rows.sort((a, b) => Buffer.compare(a.key, b.key));
        break;
      default:
        row.value = copyOf(row.value);
        row.bytes = null;
        changeProto(dice, [...placesOf(row.value)], [...placesOf(dice.pick(rows).value)]);
    }
  }
  return rows;
}

function changeProto(dice: Dice, places: readonly ProtoPlace[], others: readonly ProtoPlace[]): void {
  if (places.length === 0) return;
  const { parent, at } = dice.pick(places);
  const field = parent[at];
  if (field === undefined) return;
  switch (dice.below(8)) {
    case 0:
      parent.splice(at, 1);
      break;
    case 1:
      parent.splice(at, 0, ...copyOf(new Array(dice.pick([1, 1, 3, 70])).fill(field)));
      break;
    case 2:
      if (others.length > 0) {
        const other = dice.pick(others);
        parent[at] = copyOf([other.parent[other.at] ?? field])[0] as ProtoValue;
      }
      break;
    case 3:
      field.number = dice.below(9);
      break;
    default:
      if ('value' in field) field.value = dice.once(3) ? BigInt(dice.below(40)) : dice.number(field.value);
      else if ('fixed' in field) field.fixed = dice.below(2 ** 32);
      else if (dice.once(3)) parent[at] = { number: field.number, value: dice.number() };
  }
}

/** Gives the entries the sums of the bytes that they name now. */
function sumAgain(rows: readonly Row[], data: readonly Buffer[]): void {
  for (const { value, bytes: unchanged } of rows) {
    if (unchanged) continue;
    const numberOf = (number: number) => {
      const field = value.find((one) => one.number === number);
      return field && 'value' in field ? Number(field.value) : 0;
    };
    const sum = value.find((one) => one.number === kSum);
    const bytes = data[numberOf(kShard)];
    const [offset, size] = [numberOf(kOffset), numberOf(kSize)];
    if (sum && 'fixed' in sum && bytes && offset >= 0 && offset + size <= bytes.byteLength)
      sum.fixed = masked(crc32c(bytes.subarray(offset, offset + size)));
  }
}
