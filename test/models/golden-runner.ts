import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import type { GenerateOptions } from '../../lib/generation/generate';
import type { DecoderModel } from '../../lib/pretrained/decoder-model';
import type { LoadingInfo } from '../../lib/pretrained/from-pretrained';
import type { ModelInputs, PreTrainedModel } from '../../lib/pretrained/pretrained-model';
import { arrayOf, type DType } from '../../lib/tensor/dtype';
import { type NestedArray, Tensor } from '../../lib/tensor/tensor';

/** Runs the goldens of one family: see test/goldens/README.md. */

interface GoldenCase {
  id: number;
  name: string;
  model_class: string;
  from_pretrained: Record<string, unknown>;
  inputs: string[];
  options: Record<string, unknown>;
  outputs: Record<string, number | null>;
  lengths: number[];
  /** Of the encoder's rows, beside a decoder. */
  encoder_lengths?: number[];
  /** Tokens of each row that go first, into a cache. */
  past?: number;
}

interface GoldenFile {
  reference: string;
  note: string;
  unexpected_keys: Record<string, string[]>;
  cases: GoldenCase[];
  generate?: {
    name: string;
    model_class: string;
    inputs: Record<string, NestedArray>;
    options: GenerateOptions;
    sequences: number[][];
  }[];
}

type Loadable = {
  from_pretrained(
    path: string,
    options: Record<string, unknown> & { output_loading_info: true },
  ): Promise<[PreTrainedModel, LoadingInfo]>;
};

const goldens = process.env['NATIVE_TRANSFORMERS_GOLDENS'] ?? join(__dirname, '..', 'goldens');

/** Relative to the largest reference value, per output. */
export const kTolerance = 2e-5;

/** Where `npm run parity` wants every comparison, as a JSON line each. */
const parityFile = process.env['NATIVE_TRANSFORMERS_PARITY'];

/** A tensor of a cases file. */
async function readTensor(source: Awaited<ReturnType<typeof openSafetensors>>, name: string): Promise<Tensor> {
  const { dtype, shape } = source.info(name);
  const bytes = await source.read(name);
  const TypedArray = arrayOf(dtype as DType) as unknown as new (buffer: ArrayBuffer) => Float32Array;
  return new Tensor(dtype, new TypedArray(bytes.slice().buffer as ArrayBuffer), shape);
}

/** Declares a test for every case of every checkpoint of `model_type`. */
export function runGoldens(model_type: string, classes: Record<string, unknown>): void {
  const family = join(goldens, model_type);
  for (const checkpoint of readdirSync(family)) {
    const folder = join(family, checkpoint);
    const file = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as GoldenFile;
    describe(`${model_type}/${checkpoint}, as Transformers ${file.reference} computes it`, () => {
      const models = new Map<string, Promise<[PreTrainedModel, LoadingInfo]>>();
      const load = (test: GoldenCase) => {
        const key = JSON.stringify([test.model_class, test.from_pretrained]);
        let model = models.get(key);
        if (!model) {
          const { [test.model_class]: ModelClass } = classes as Record<string, Loadable>;
          if (!ModelClass) throw new Error(`${test.model_class} is not exported`);
          model = ModelClass.from_pretrained(folder, { ...test.from_pretrained, output_loading_info: true });
          models.set(key, model);
        }
        return model;
      };
      afterAll(async () => {
        for (const model of models.values()) await (await model)[0].dispose();
      });
      for (const test of file.cases)
        it(`${test.id}: ${test.name}`, async () => {
          const [model, info] = await load(test);
          expect(info).toEqual({
            missing_keys: [],
            unexpected_keys: file.unexpected_keys[test.model_class] ?? [],
            mismatched_keys: [],
            error_msgs: [],
          });
          await using source = await openSafetensors(join(folder, 'cases.safetensors'));
          const inputs: ModelInputs = { ...test.options };
          for (const name of test.inputs) inputs[name] = await readTensor(source, `case.${test.id}.in.${name}`);
          const output = await call(model, inputs, test.past ?? 0);
          for (const [name, axis] of Object.entries(test.outputs)) {
            const expected = await readTensor(source, `case.${test.id}.out.${name}`);
            const error = compare(
              name,
              seen(name, field(output, name), expected),
              expected,
              axis,
              lengthsOf(test, name),
            );
            if (parityFile) {
              const line = {
                model_type,
                model_class: test.model_class,
                reference: file.reference,
                output: name,
                error,
              };
              appendFileSync(parityFile, `${JSON.stringify(line)}\n`);
            }
          }
        });
      for (const { name, model_class, inputs, options, sequences } of file.generate ?? [])
        it(name, async () => {
          const { [model_class]: ModelClass } = classes as Record<string, typeof DecoderModel & Loadable>;
          const [model] = await (ModelClass as Loadable).from_pretrained(folder, { output_loading_info: true });
          const given: Record<string, unknown> = { ...inputs };
          if (inputs['inputs_embeds']) given['inputs_embeds'] = floats(inputs['inputs_embeds'] as number[][][]);
          const ids = await (model as DecoderModel).generate(given, options);
          await model.dispose();
          expect(ids.tolist()).toEqual(sequences.map((row) => row.map(BigInt)));
        });
    });
  }
}

function floats(nested: number[][][]): Tensor {
  const dims = [nested.length, nested[0]?.length ?? 0, nested[0]?.[0]?.length ?? 0];
  return new Tensor('float32', nested.flat(2), dims);
}

/** What is padding in an output: beside a decoder, the encoder's rows have lengths of their own. */
function lengthsOf({ lengths, encoder_lengths }: GoldenCase, name: string): number[] {
  const isEncoders = name.startsWith('encoder_') || /^past_key_values\.\d+\.[23]$/.test(name);
  return isEncoders && encoder_lengths ? encoder_lengths : lengths;
}

/** The outputs; with `past`, of the tokens behind the first `past`, which go into a cache before. */
async function call(model: PreTrainedModel, inputs: ModelInputs, past: number): Promise<Record<string, unknown>> {
  const run = model as unknown as (i: ModelInputs) => Promise<Record<string, unknown>>;
  if (past === 0) return run(inputs);
  const [first, rest]: [ModelInputs, ModelInputs] = [{}, { ...inputs }];
  const prefix = Object.keys(inputs).some((name) => name.startsWith('decoder_')) ? 'decoder_' : '';
  for (const [name, value] of Object.entries(inputs)) {
    if (!(value instanceof Tensor) || name === 'labels') continue;
    if (!name.startsWith(prefix)) {
      first[name] = value;
      continue;
    }
    first[name] = value.slice(null, [0, past]);
    if (name !== `${prefix}attention_mask`) rest[name] = value.slice(null, [past, value.dims[1] as number]);
  }
  const { past_key_values } = await run({ ...first, use_cache: true });
  return run({ ...rest, past_key_values });
}

function field(output: Record<string, unknown>, name: string): Tensor {
  const value = name.split('.').reduce<unknown>((part, key) => (part as Record<string, unknown> | null)?.[key], output);
  if (!(value instanceof Tensor)) throw new Error(`the output has no ${name}; it has ${Object.keys(output)}`);
  return value;
}

/** Of a cache, the positions that upstream keeps too: where layers see a window it drops what no later token will see. */
function seen(name: string, actual: Tensor, expected: Tensor): Tensor {
  const [batch = 0, heads = 0, length = 0, width = 0] = actual.dims;
  const kept = expected.dims[2] as number;
  if (!name.startsWith('past_key_values.') || kept >= length) return actual;
  const rows = Array.from({ length: batch * heads }, (_, row) =>
    (actual.data as Float32Array).subarray(((row + 1) * length - kept) * width, (row + 1) * length * width),
  );
  return new Tensor('float32', Float32Array.from(rows.flatMap((row) => [...row])), [batch, heads, kept, width]);
}

/** @returns the largest error, relative to the largest reference value. @throws when it is above the tolerance */
function compare(name: string, actual: Tensor, expected: Tensor, axis: number | null, lengths: number[]): number {
  expect({ name, dims: actual.dims }).toEqual({ name, dims: expected.dims });
  const got = actual.data as Float32Array;
  const want = expected.data as Float32Array;
  let largest = 0;
  for (const value of want) if (Math.abs(value) > largest) largest = Math.abs(value);
  let worst = 0;
  let at = -1;
  const inner = axis === null ? 1 : expected.dims.slice(axis + 1).reduce((n, d) => n * d, 1);
  const tokens = axis === null ? 1 : (expected.dims[axis] as number);
  const perRow = want.length / (expected.dims[0] ?? 1);
  for (let i = 0; i < want.length; i++) {
    const t = Math.floor(i / inner) % tokens;
    const isPadding = axis !== null && t >= (lengths[Math.floor(i / perRow)] as number);
    if (isPadding) {
      if (got[i] !== 0) throw new Error(`${name}: padding at element ${i} is ${got[i]}, not 0`);
      continue;
    }
    const error = Math.abs((got[i] as number) - (want[i] as number));
    if (!(error <= worst)) {
      worst = error;
      at = i;
    }
  }
  if (!(worst <= kTolerance * largest))
    throw new Error(
      `${name}: element ${at} is ${got[at]}, expected ${want[at]} (off by ${worst / largest} of ${largest})`,
    );
  return largest === 0 ? worst : worst / largest;
}
