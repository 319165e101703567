/** HDF5 files of a few kilobytes that stand for millions of things: what they cost grows with the file alone. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openHdf5 } from '../../../lib/checkpoint/hdf5/hdf5';
import {
  datasetMessages,
  groupMessages,
  linkMessage,
  message,
  objectHeader,
  SUPERBLOCK_BYTES,
  superblock,
} from '../../../lib/checkpoint/hdf5/hdf5-encoder';
import { readPacked, unpacked } from '../packed';
import { errorOf, scratchFolder } from '../scratch';

const scratch = scratchFolder();
let written = 0;

function fileOf(...parts: Buffer[]): string {
  const path = join(scratch, `${written++}.h5`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

/** A file whose root has these messages beside a group's, and what follows it. */
function fileOfRoot(messages: (end: number) => Buffer[], rest: Buffer = Buffer.alloc(0)): string {
  const root = (end: number) => objectHeader([...groupMessages(), ...messages(end)]);
  const end = SUPERBLOCK_BYTES + root(0).byteLength;
  return fileOf(superblock(end + rest.byteLength, SUPERBLOCK_BYTES), root(end), rest);
}

describe('a dataset of chunks of one byte', () => {
  // A layout of version 4: chunks of [1], which lie side by side, so that they need no index.
  const layout = (address: number) => message(0x08, Buffer.from([4, 2, 0, 2, 1, 1, 1, 2]), u64(address));
  const header = (count: number, address: number) =>
    objectHeader([...datasetMessages('int8', [count], 0, 0).slice(0, 3), layout(address)]);

  it('is read in a time that grows with their number: no row looks through all of them', async () => {
    const took: number[] = [];
    for (const count of [8_000, 8_000, 32_000]) {
      const data = Buffer.from(Uint8Array.from({ length: count }, (_, i) => i % 251));
      const place = (end: number) => Buffer.concat([header(count, end + header(count, 0).byteLength), data]);
      const path = fileOfRoot((end) => [linkMessage('w', end)], place(SUPERBLOCK_BYTES + rootBytes('w')));
      await using source = await openHdf5(path);
      const before = process.cpuUsage();
      expect(Buffer.from(await source.read('w')).equals(data)).toBe(true);
      const { user, system } = process.cpuUsage(before);
      took.push(user + system);
    }
    // Four times as many: four times as long, and not sixteen times.
    expect((took[2] as number) / (took[1] as number)).toBeLessThan(8);
  });

  it('of which none was written is read as 32 million zeros at once', async () => {
    const count = 2 ** 25;
    await using source = await openHdf5(fileOfRoot((end) => [linkMessage('w', end)], header(count, -1)));
    const before = process.cpuUsage();
    const bytes = await source.read('w');
    const { user } = process.cpuUsage(before);
    expect([bytes.byteLength, Buffer.from(bytes.buffer).indexOf(1)]).toEqual([count, -1]);
    expect(user).toBeLessThan(3e6);
  });
});

function rootBytes(...names: string[]): number {
  return objectHeader([...groupMessages(), ...names.map((name) => linkMessage(name, 0))]).byteLength;
}

it('refuses a tree whose nodes have one child twice: 2^25 ways would lead to one name', async () => {
  const packed = readPacked<{ file: string }>(join(__dirname, 'h5py.json'));
  const bytes = unpacked((packed['cycle earliest'] as { file: string }).file);
  const tree = bytes.indexOf('TREE', 0, 'latin1');
  const nodes: Buffer[] = [];
  let below = tree;
  for (let level = 1; level <= 25; level++) {
    const node = Buffer.alloc(64);
    Buffer.from('TREE').copy(node);
    node.set([0, level, 2, 0], 4);
    for (const at of [32, 48]) u64(below).copy(node, at);
    below = bytes.byteLength + (level - 1) * 64;
    nodes.push(node);
  }
  // Whoever knew the tree knows its highest level now.
  for (let at = bytes.indexOf(u64(tree)); at >= 0; at = bytes.indexOf(u64(tree), at + 8)) u64(below).copy(bytes, at);
  u64(bytes.byteLength + 25 * 64).copy(bytes, 40);
  const error = await errorOf(() => openHdf5(fileOf(bytes, ...nodes)));
  expect([error.code, error.message]).toEqual(['H5_INVALID', expect.stringMatching(/two parents in a tree/)]);
});

it('refuses a group whose long name stands in the paths of thousands of datasets', async () => {
  const dataset = objectHeader(datasetMessages('int8', [0], 0, 0));
  const name = 'g'.repeat(60_000);
  const datasetAt = SUPERBLOCK_BYTES + rootBytes(name);
  const links = Array.from({ length: 2000 }, (_, i) => linkMessage(`w${i}`, datasetAt));
  const group = objectHeader([...groupMessages(), ...links]);
  const path = fileOfRoot(() => [linkMessage(name, datasetAt + dataset.byteLength)], Buffer.concat([dataset, group]));
  const error = await errorOf(() => openHdf5(path));
  expect([error.code, error.message]).toEqual(['H5_TOO_LARGE', expect.stringMatching(/its paths have more than/)]);
});

it('refuses a header of more messages than the names and places of weights can need', async () => {
  const path = fileOfRoot(() => Array.from({ length: 2000 }, () => message(0x0c)));
  const error = await errorOf(() => openHdf5(path, { limits: { headerBytes: 100_000 } }));
  expect(error.code).toBe('H5_TOO_LARGE');
});

describe('an attribute', () => {
  const attribute = (type: Buffer, count: number, value: Buffer) => {
    const space = Buffer.concat([Buffer.from([2, 1, 0, 1]), u64(count)]);
    const sizes = Buffer.from([2, 0, type.byteLength, 0, space.byteLength, 0]);
    return message(0x0c, Buffer.from([3, 0]), sizes, Buffer.from([0]), Buffer.from('a\0'), type, space, value);
  };

  it('of one long text many times is refused before the texts are made', async () => {
    const [count, length] = [3000, 50_000];
    const texts = (heap: number) => {
      const element = Buffer.concat([Buffer.from([0x50, 0xc3, 0, 0]), u64(heap), Buffer.from([1, 0, 0, 0])]);
      const type = Buffer.from([0x19, 1, 0, 0, 16, 0, 0, 0, 0x13, 0, 0, 0, 1, 0, 0, 0]);
      return [attribute(type, count, Buffer.concat(Array<Buffer>(count).fill(element)))];
    };
    const object = Buffer.concat([Buffer.from([1, 0, 1, 0, 0, 0, 0, 0]), u64(length), Buffer.alloc(length, 'x')]);
    const heap = Buffer.concat([Buffer.from('GCOL\x01\0\0\0'), u64(16 + object.byteLength), object]);
    expect((await errorOf(() => openHdf5(fileOfRoot(texts, heap)))).code).toBe('H5_TOO_LARGE');
  });

  it('of more numbers than a list of names can have is passed over', async () => {
    const bytes = Buffer.from([0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]);
    const path = fileOfRoot(() => [attribute(bytes, 200, Buffer.alloc(200))]);
    await using all = await openHdf5(path);
    expect(all.attributes.get('')?.get('a')).toHaveLength(200);
    await using few = await openHdf5(path, { limits: { metadataEntries: 199 } });
    expect(few.attributes.get('')?.get('a')).toBeNull();
  });
});
