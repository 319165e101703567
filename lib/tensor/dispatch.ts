import * as runtime from '../binding/runtime';
import { RuntimeError, ValueError } from '../errors';
import { currentCall } from './call';
import { dtypeNumber, dtypeOf } from './dtype';
import { currentStream, type Stream } from './stream';
import { releaseUploads, Tensor } from './tensor';

/**
 * The one door to native ops. Everything that computes passes here: what listens here (a tape, a profiler) hears all.
 */

let numbers: Map<string, number> | null = null;
let names: string[] = [];
let depth = 0;
const recording = new Set<Stream>(); // those with commands of the open `recorded`

function numberOf(op: string): number {
  if (!numbers) {
    names = runtime.nativeInfo().ops;
    numbers = new Map(names.map((name, i) => [name, i]));
  }
  const number = numbers.get(op);
  if (number === undefined) throw new RuntimeError(`this build of the addon has no op '${op}'; build it again`);
  return number;
}

/**
 * Records one op on the current stream and returns its outputs, whose shapes are known and whose elements come when it
 * has run. Absent optional inputs are null.
 * @throws ValueError when the op does not take these shapes or dtypes; RuntimeError `ERR_DISPOSED`, `ERR_QUEUE_FULL`
 */
export function run(op: string, inputs: readonly (Tensor | null)[], attrs: readonly number[] = []): Tensor[] {
  const number = numberOf(op);
  const stream = streamToRecord();
  const outputs = guarded(op, inputs, () =>
    runtime.record(
      stream.id,
      currentCall()?.id ?? 0,
      number,
      inputs.map((t) => t?.native() ?? null),
      attrs,
    ),
  );
  return finish(stream, outputs);
}

/** `run` for an op with one output. */
export function run1(op: string, inputs: readonly (Tensor | null)[], attrs: readonly number[] = []): Tensor {
  return run(op, inputs, attrs)[0] as Tensor;
}

/**
 * The same elements in another shape. One entry may be -1.
 * @throws ValueError when the number of elements differs
 */
export function reshape(input: Tensor, dims: readonly number[]): Tensor {
  const stream = streamToRecord();
  const target = inferDims(input, dims);
  const output = guarded('reshape', [input], () =>
    runtime.reshape(stream.id, currentCall()?.id ?? 0, input.native(), dtypeNumber(input.type), target),
  );
  return finish(stream, [output])[0] as Tensor;
}

function inferDims(input: Tensor, dims: readonly number[]): number[] {
  const known = dims.reduce((n, d) => (d === -1 ? n : n * d), 1);
  const target = dims.map((d) => (d === -1 ? (known === 0 ? 0 : input.size / known) : d));
  const size = target.reduce((n, d) => n * d, 1);
  if (dims.filter((d) => d === -1).length > 1 || size !== input.size || target.some((d) => !Number.isInteger(d)))
    throw new ValueError(`reshape: shape [${dims}] is invalid for ${input} of ${input.size} elements`, {
      code: 'ERR_SHAPE',
    });
  return target;
}

function streamToRecord(): Stream {
  const stream = currentStream();
  if (depth === 0 || recording.has(stream)) return stream;
  runtime.submit(stream.id); // what others recorded is theirs: a throw here must not drop it
  recording.add(stream);
  return stream;
}

function finish(stream: Stream, outputs: runtime.Output[]): Tensor[] {
  const tensors = outputs.map((output) => Tensor.fromNative(output, stream));
  if (depth === 0) runtime.submit(stream.id);
  return tensors;
}

function guarded<T>(op: string, inputs: readonly (Tensor | null)[], f: () => T): T {
  try {
    return f();
  } catch (error) {
    if ((error as Error).constructor !== runtime.Refused) throw error;
    const { reason, operand } = error as runtime.Refused;
    if (operand !== null)
      throw new RuntimeError(`${op}: input ${operand}, ${inputs[operand]}, has been disposed`, {
        code: 'ERR_DISPOSED',
      });
    throw failure(op, reason, inputs.filter((t) => t !== null).map(String));
  } finally {
    releaseUploads();
  }
}

/**
 * Records what `f` does as one segment of each stream it uses: submitted when it returns, dropped when it throws.
 */
export function recorded<T>(f: () => T): T {
  depth++;
  let end = runtime.discard;
  try {
    const result = f();
    end = runtime.submit;
    return result;
  } finally {
    depth--;
    if (depth === 0) {
      for (const stream of recording) end(stream.id);
      recording.clear();
    }
  }
}

function failure(op: string, reason: string, operands: string[]): Error {
  const message = `${op}: ${reason} (${operands.join(', ') || 'no operands'})`;
  if (reason === 'out of memory') {
    const { live, limit } = runtime.memoryStats();
    return new RuntimeError(
      `${message}: ${live} bytes are in use and the limit is ${limit}; ` +
        'use smaller batches, or raise NATIVE_TRANSFORMERS_MEMORY',
      { code: 'ERR_OUT_OF_MEMORY' },
    );
  }
  if (reason.startsWith('file ')) return runtime.fileError(reason);
  if (op === 'write') return runtime.writeError(reason);
  if (op === 'load' || op === 'read') return new RuntimeError(reason);
  return new ValueError(message, { code: reason.includes('out of range') ? 'ERR_INDEX_OUT_OF_RANGE' : 'ERR_SHAPE' });
}

function nameOf(op: number): string {
  const noOp = Object.entries(runtime.NoOp).find(([, number]) => number === op);
  return noOp ? noOp[0] : (names[op] ?? String(op));
}

runtime.setDescribeFailure((op, reason, operands) =>
  failure(
    nameOf(op),
    reason,
    operands.map(({ dtype, dims }) => `Tensor(${dtypeOf(dtype)}, [${dims}])`),
  ),
);
