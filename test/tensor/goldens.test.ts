import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeInfo } from '../../lib/binding/runtime';
import type { DType } from '../../lib/tensor/dtype';
import * as functions from '../../lib/tensor/functions';
import { Stream } from '../../lib/tensor/stream';
import { Tensor } from '../../lib/tensor/tensor';

type Described =
  | { type: DType; dims: number[]; data: Described[] }
  | { number: string }
  | { options: Record<string, Described> }
  | Described[]
  | number
  | boolean
  | string
  | null;

interface Golden {
  name: string;
  kind: 'method' | 'function';
  call: string;
  inputs: Described[];
  expected: Described;
}

const goldens = JSON.parse(readFileSync(join(__dirname, '../goldens/tensor/cases.json'), 'utf8')) as Golden[];

/** How far results may lie from PyTorch's, in units of max(1, |value|). */
const tolerances: Partial<Record<DType, number>> = {
  float64: 1e-12,
  float32: 6e-6, // PyTorch interpolates with float32 positions
  float16: 2e-3,
  bfloat16: 1.6e-2,
};

function revive(value: Described): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(revive);
  if ('number' in value) return toNumber(value);
  if ('options' in value)
    return Object.fromEntries(Object.entries(value.options).map(([name, option]) => [name, revive(option)]));
  const numbers = value.data.map(toNumber);
  if (value.type === 'float16' || value.type === 'bfloat16')
    return new Tensor('float32', numbers, value.dims).to(value.type);
  return new Tensor(value.type, numbers, value.dims);
}

const words: Record<string, number> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity };

function toNumber(value: Described): number {
  return typeof value === 'object' && value !== null && 'number' in value
    ? (words[value.number] as number)
    : Number(value);
}

async function call({ kind, call: name, inputs }: Golden): Promise<unknown> {
  const [first, ...rest] = inputs.map(revive) as [Tensor, ...unknown[]];
  if (kind === 'function') return (functions as unknown as Functions)[name]?.(first, ...rest);
  return (first as unknown as Functions)[name]?.(...rest);
}

type Functions = Record<string, (...args: unknown[]) => unknown>;

function expectClose(actual: unknown, expected: Described): void {
  if (Array.isArray(expected)) {
    expect(actual).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expectClose((actual as unknown[])[i], value);
    return;
  }
  if (!(actual instanceof Tensor)) return void expect(actual).toEqual(expected);
  const { type, dims, data } = expected as { type: DType; dims: number[]; data: Described[] };
  expect({ type: actual.type, dims: actual.dims }).toEqual({ type, dims });
  const values = [actual.tolist()].flat(dims.length as 1).map(Number);
  const tolerance = tolerances[type] ?? 0;
  const far = data.map(toNumber).flatMap((wanted, i) => {
    const got = values[i] as number;
    const near = Object.is(got, wanted) || Math.abs(got - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    return near ? [] : [`element ${i} is ${got}, not ${wanted}`];
  });
  expect(far).toEqual([]);
}

describe.each(['reference', ...nativeInfo().levels])('Tensor at level %s', (isa) => {
  let stream: Stream;
  beforeAll(() => {
    stream = new Stream({ isa });
  });
  afterAll(() => stream.dispose());

  const calls = new Map<string, Golden[]>();
  for (const golden of goldens) calls.set(golden.call, [...(calls.get(golden.call) ?? []), golden]);
  it.each([...calls])('answers as PyTorch: %s', async (_call, group) => {
    for (const golden of group) {
      const answer = stream.run(() => call(golden));
      if (golden.expected === 'error') {
        await expect(answer.then(() => golden.name)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_/) });
        continue;
      }
      try {
        expectClose(await answer, golden.expected);
      } catch (error) {
        (error as Error).message = `${golden.name}: ${(error as Error).message}`;
        throw error;
      }
    }
  });
});
