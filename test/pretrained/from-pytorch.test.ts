/** Loading models from pytorch_model.bin (rows 36, 38, 46, 47, 48). */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectCheckpoint } from '../../lib/auto/inspect';
import type { StoredDType } from '../../lib/checkpoint/dtype';
import { writePyTorch } from '../../lib/checkpoint/pytorch/pytorch-writer';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { setLogHook } from '../../lib/logging';
import { BertForMaskedLM, BertModel } from '../../lib/models/bert/model';
import { Parameter } from '../../lib/nn/parameter';
import type { PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { bytesOf, pickle, torchMembers, zipBytes } from '../checkpoint/pytorch/archive';

const golden = join(__dirname, '..', 'goldens', 'bert', 'base');

interface Entry {
  name: string;
  dtype: StoredDType;
  shape: number[];
  bytes: Uint8Array;
}

let folder: string;
let logged: string[];
let entries: Entry[];

beforeAll(async () => {
  await using source = await openSafetensors(join(golden, 'model.safetensors'));
  entries = [];
  for (const name of source.names()) {
    const { dtype, shape } = source.info(name);
    entries.push({ name, dtype, shape, bytes: await source.read(name) });
  }
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'from-pytorch-'));
  copyFileSync(join(golden, 'config.json'), join(folder, 'config.json'));
  logged = [];
  setLogHook((_, message) => logged.push(message));
});

afterEach(() => {
  setLogHook(null);
  rmSync(folder, { recursive: true, force: true });
});

/** Every parameter's numbers by name. */
async function numbersOf(model: PreTrainedModel): Promise<Map<string, number[]>> {
  const numbers = new Map<string, number[]>();
  for (const [name, value] of model.named_state()) {
    if (value instanceof Parameter) numbers.set(name, [...((await value.value.getData()) as Float32Array)]);
  }
  await model.dispose();
  return numbers;
}

const original = async () => numbersOf(await BertModel.from_pretrained(golden));
const bin = (name = 'pytorch_model.bin') => join(folder, name);

/** Writes a state dict by hand: each entry a view as `place` says, then `others`. */
function writeByHand(
  place: (entry: Entry, i: number) => { storage: Uint8Array; strides: number[] },
  others: Record<string, Buffer> = {},
): void {
  const storages: Record<string, Uint8Array> = {};
  const tensors: Record<string, Buffer> = {};
  entries.forEach((entry, i) => {
    const { storage, strides } = place(entry, i);
    storages[i] = storage;
    const type = entry.dtype === 'float32' ? 'FloatStorage' : 'LongStorage';
    const elements = storage.byteLength / (entry.dtype === 'float32' ? 4 : 8);
    tensors[entry.name] = pickle.tensor(pickle.storage(type, String(i), elements), 0, entry.shape, strides);
  });
  writeFileSync(bin(), zipBytes(torchMembers(pickle.dict({ ...tensors, ...others }), storages)));
}

const rowMajor = ({ shape }: Entry) =>
  shape.map((_, i) => shape.slice(i + 1).reduce((product, dim) => product * dim, 1));

describe('from_pretrained with pytorch_model.bin', () => {
  it('gives the numbers of the safetensors file it was made of', async () => {
    await writePyTorch(bin(), entries);
    const [model, info] = await BertModel.from_pretrained(folder, { output_loading_info: true });
    expect(info.missing_keys).toEqual([]);
    expect(await numbersOf(model)).toEqual(await original());
  });

  it('turns matrices that are stored by columns', async () => {
    writeByHand((entry) => {
      const [rows, columns] = entry.shape as [number, number];
      if (entry.shape.length !== 2 || entry.dtype !== 'float32')
        return { storage: entry.bytes, strides: rowMajor(entry) };
      const values = new Float32Array(entry.bytes.slice().buffer);
      const turned = values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)] as number);
      return { storage: bytesOf(turned), strides: [1, rows] };
    });
    expect(await numbersOf(await BertModel.from_pretrained(folder))).toEqual(await original());
    const half = await BertModel.from_pretrained(folder, { dtype: 'bfloat16' });
    expect(half.dtype).toBe('bfloat16');
    await half.dispose();
  });

  it('prefers safetensors, unless use_safetensors is false', async () => {
    copyFileSync(join(golden, 'model.safetensors'), join(folder, 'model.safetensors'));
    const zeros = entries.map((entry) => ({ ...entry, bytes: new Uint8Array(entry.bytes.byteLength) }));
    await writePyTorch(bin(), zeros);
    const name = 'embeddings.word_embeddings.weight';
    const sum = async (options: { use_safetensors?: boolean }) =>
      (await numbersOf(await BertModel.from_pretrained(folder, options)))
        .get(name)
        ?.reduce((a, b) => a + Math.abs(b), 0);
    expect(await sum({})).toBeGreaterThan(0);
    expect(await sum({ use_safetensors: true })).toBeGreaterThan(0);
    expect(await sum({ use_safetensors: false })).toBe(0);
  });

  it('refuses a folder with nothing else when use_safetensors is true', async () => {
    await writePyTorch(bin(), entries);
    await expect(BertModel.from_pretrained(folder, { use_safetensors: true })).rejects.toMatchObject({
      code: 'WEIGHTS_NOT_FOUND',
      message: expect.stringContaining('model.safetensors'),
    });
  });

  it('reads shards and variants under their names', async () => {
    const half = Math.ceil(entries.length / 2);
    const weight_map: Record<string, string> = {};
    let total_size = 0;
    for (const [i, part] of [entries.slice(0, half), entries.slice(half)].entries()) {
      const file = `pytorch_model.fp16-0000${i + 1}-of-00002.bin`;
      await writePyTorch(bin(file), part);
      for (const { name, bytes } of part) {
        weight_map[name] = file;
        total_size += bytes.byteLength;
      }
    }
    writeFileSync(bin('pytorch_model.bin.index.fp16.json'), JSON.stringify({ metadata: { total_size }, weight_map }));
    const model = await BertModel.from_pretrained(folder, { variant: 'fp16' });
    expect(logged).toEqual([]);
    expect(await numbersOf(model)).toEqual(await original());
    await expect(BertModel.from_pretrained(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/variant 'fp16'/),
    });
  });

  it('reports entries that are no tensors as unexpected, and loads the rest (row 48)', async () => {
    const others = { epoch: pickle.int(3), optimizer: pickle.dict({ lr: pickle.int(1) }) };
    writeByHand((entry) => ({ storage: entry.bytes, strides: rowMajor(entry) }), others);
    const [model, info] = await BertForMaskedLM.from_pretrained(folder, { output_loading_info: true });
    expect(info.unexpected_keys).toEqual(expect.arrayContaining(['epoch', 'optimizer']));
    expect(info.missing_keys).toEqual([]);
    await model.dispose();
  });

  it('names the key that a state dict is wrapped in (row 48)', async () => {
    const tensor = pickle.tensor(pickle.storage('FloatStorage', '0', 1), 0, [1], [1]);
    const wrapped = pickle.dict({ state_dict: pickle.dict({ a: tensor }) });
    writeFileSync(bin(), zipBytes(torchMembers(wrapped, { 0: new Uint8Array(4) })));
    await expect(BertModel.from_pretrained(folder)).rejects.toMatchObject({
      code: 'WRAPPED_STATE_DICT',
      message: expect.stringContaining("'state_dict'"),
    });
  });

  it('never does what a pickle asks for (row 46)', async () => {
    const evil = pickle.dict({ a: pickle.call(pickle.global('os', 'system'), pickle.text(`touch ${bin('witness')}`)) });
    writeFileSync(bin(), zipBytes(torchMembers(evil)));
    await expect(BertModel.from_pretrained(folder)).rejects.toMatchObject({
      name: 'CheckpointError',
      code: 'PICKLE_FORBIDDEN_GLOBAL',
      message: expect.stringContaining('os.system'),
    });
    const summary = await inspectCheckpoint(folder);
    expect(summary.loads).toBe(false);
    expect(summary.files).toMatchObject([{ file: 'pytorch_model.bin', format: 'pytorch', tensors: 0 }]);
    expect(summary.reasons.join('\n')).toContain('os.system');
  });

  it('says of a pointer of git-lfs and of garbage what they are (row 47)', async () => {
    writeFileSync(bin(), 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n');
    await expect(BertModel.from_pretrained(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/git-lfs/),
    });
    writeFileSync(bin(), 'garbage');
    await expect(BertModel.from_pretrained(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/Unable to load weights from pytorch checkpoint file.*from_tf=True/),
    });
  });

  it('says of a weight whose type has no arithmetic that it cannot be turned into one', async () => {
    const name = 'bert.embeddings.LayerNorm.bias';
    const changed = entries.map((entry) =>
      entry.name === name
        ? { ...entry, dtype: 'complex64' as const, bytes: new Uint8Array(entry.bytes.byteLength * 2) }
        : entry,
    );
    await writePyTorch(bin(), changed);
    await expect(BertModel.from_pretrained(folder)).rejects.toMatchObject({
      code: 'ERR_DTYPE',
      message: expect.stringMatching(/LayerNorm\.bias.*complex64/),
    });
  });

  it('is shown by inspect', async () => {
    await writePyTorch(bin(), entries);
    const summary = await inspectCheckpoint(folder);
    expect(summary.loads).toBe(true);
    expect(summary.files).toEqual([
      {
        file: 'pytorch_model.bin',
        format: 'pytorch',
        tensors: entries.length,
        bytes: entries.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
      },
    ]);
  });
});
