import { join } from 'node:path';
import { bytesOf, pickle as p } from '../../checkpoint/pytorch/archive';
import { mutantPickle } from '../../checkpoint/pytorch/mutant';
import { Dice } from '../dice';
import { mutateBytes } from '../mutate-bytes';
import { mutateInstructions } from '../mutate-pickle';
import type { Target } from '../target';
import { openAndReadOne, openWeightsFile } from './weights-file';

const kName = 'pytorch_model.bin';
/** The number that begins a stream, as protocols 2 and 0 write it. */
const kMagics = [
  Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex'),
  Buffer.from('L119547037146038801333356L\n.', 'latin1'),
];

/** The parts of a stream, one behind the other. */
interface Stream {
  magic: Buffer;
  version: Buffer;
  facts: Buffer;
  value: Buffer;
  keys: Buffer;
  /** A storage each: how many elements, and their bytes. */
  storages: [count: bigint, bytes: Uint8Array][];
}

const facts = (little: Buffer) => p.of(p.dict({ protocol_version: p.int(1001), little_endian: little }));

/** A storage, or a part of it, as a stream names it. */
function storage(key: string, elements: number, view: Buffer): Buffer {
  const id = p.tuple(
    p.text('storage'),
    p.global('torch', 'FloatStorage'),
    p.text(key),
    p.text('cpu'),
    p.int(elements),
    view,
  );
  return Buffer.concat([id, p.code(0x51)]);
}

function validStream(dice: Dice): Stream {
  const numbers = Float32Array.from([1, 2, 3, 4, 5, 6]);
  const view = (key: string, offset: number, length: number) =>
    dice.once(3) ? p.none : p.tuple(p.text(`${key}v`), p.int(offset), p.int(length));
  const value = p.dict({
    a: p.tensor(storage('10', 6, p.none), 0, [2, 3], [1, 2]),
    b: p.tensor(storage('10', 6, view('10', dice.below(4), dice.below(5))), 0, [dice.below(4)], [1]),
    c: p.tensor(storage('9', 6, p.none), dice.below(3), [2, 2], [2, 1]),
  });
  const bytes = bytesOf(numbers);
  return {
    magic: dice.pick(kMagics),
    version: p.of(p.int(1001)),
    facts: facts(p.true),
    value: p.of(value),
    keys: p.of(p.list(p.text('10'), p.text('9'))),
    storages: [
      [6n, bytes],
      [6n, bytes],
    ],
  };
}

/** A stream of a pickle that is almost right, with the storages that it names. */
function ofMutantPickle(seed: number): Stream {
  const { bytes, storages } = mutantPickle(seed);
  const sizes: Record<string, number> = {
    FloatStorage: 4,
    HalfStorage: 2,
    BFloat16Storage: 2,
    DoubleStorage: 8,
    LongStorage: 8,
    BoolStorage: 1,
    ComplexFloatStorage: 8,
  };
  const item = Object.entries(sizes).find(([name]) => bytes.includes(name))?.[1] ?? 1;
  return {
    magic: kMagics[0] as Buffer,
    version: p.of(p.int(1001)),
    facts: facts(p.true),
    value: bytes,
    keys: p.of(p.list(...Object.keys(storages).map((key) => p.text(key)))),
    storages: Object.values(storages).map((content) => [BigInt(Math.floor(content.byteLength / item)), content]),
  };
}

function changePart(dice: Dice, stream: Stream): void {
  const { storages } = stream;
  const at = dice.below(storages.length);
  const stored = storages[at];
  switch (dice.below(11)) {
    case 0:
      stream.version = p.of(p.int(dice.pick([1000, 1002, 0, -1, 2 ** 53])));
      break;
    case 1:
      stream.facts = dice.once(2)
        ? facts(dice.pick([p.false, p.none, p.int(1)]))
        : mutateInstructions(dice, stream.facts, stream.value);
      break;
    case 2:
      stream.keys = mutateInstructions(dice, stream.keys, stream.value);
      break;
    case 3:
      if (stored) stored[0] = BigInt.asUintN(64, dice.number(stored[0]));
      break;
    case 4:
      if (stored) stored[1] = stored[1].subarray(0, dice.below(stored[1].byteLength + 1));
      break;
    case 5:
      if (stored) storages.splice(at, dice.below(2), stored);
      break;
    case 6:
      stream.magic = mutateBytes(dice, stream.magic);
      break;
    default:
      stream.value = mutateInstructions(dice, stream.value, stream.keys);
  }
}

function mutantStream(seed: number): Buffer {
  const dice = new Dice(seed);
  const stream = dice.once(3) ? ofMutantPickle(seed) : validStream(dice);
  for (let i = dice.below(3); i > 0; i--) changePart(dice, stream);
  const { magic, version, facts: said, value, keys, storages } = stream;
  const parts = [magic, version, said, value, keys];
  for (const [count, content] of storages) {
    const head = Buffer.alloc(8);
    head.writeBigUInt64LE(count);
    parts.push(head, Buffer.from(content));
  }
  const bytes = Buffer.concat(parts);
  return dice.once(10) ? mutateBytes(dice, bytes) : bytes;
}

export const stream: Target = {
  name: 'stream',
  about: 'pickles, keys, views and storages of the streams that PyTorch wrote before 1.6',
  make: (seed) => new Map([[kName, mutantStream(seed)]]),
  open: (folder, seed, files) => openWeightsFile(join(folder, kName), files, seed),
  quick: (folder, seed, files) => openAndReadOne(join(folder, kName), files, seed),
};
