import { AbortError, ImportError, OSError, RuntimeError, throwIfAborted, ValueError } from '../errors';
import { addon, type NativeClient, type NativeInfo } from './addon';
import { HeldBytes } from './held-bytes';

/**
 * The TypeScript side of the runtime: handles in, promises and errors out. The only module that knows the argument
 * block's layout.
 */

/** One reference to a native value. Stale handles are refused, never misread. */
export interface Handle {
  readonly slot: number;
  readonly generation: number;
}

/** A new value: its handle, the number of its dtype, and its shape. */
export interface Output extends Handle {
  readonly dtype: number;
  readonly dims: number[];
}

/** An operand as a failed command saw it. */
export interface Operand {
  readonly dtype: number;
  readonly dims: number[];
}

/** An op or upload that was not accepted. `operand` is the index of a disposed input. */
export class Refused extends Error {
  constructor(
    readonly reason: string,
    readonly operand: number | null = null,
  ) {
    super(reason);
  }
}

/** Commands that are no ops, by the number they have in place of one. */
export const NoOp = { load: -1, reshape: -2, read: -3, write: -4, keep: -5 } as const;

/** Makes the error of a failed command. Set by the tensor room, which knows names. */
export type DescribeFailure = (op: number, reason: string, operands: Operand[]) => Error;

const Status = { ok: 0, refused: 1, disposed: 2, queueFull: 3, noStream: 4, lost: 5 } as const;
const State = { done: 0, aborted: 1, failed: 2 } as const;

interface Pending {
  resolve(): void;
  reject(error: Error): void;
  signal: AbortSignal | undefined;
}

let client: NativeClient | null = null;
const pending = new Map<number, Pending>();
let nextId = 1;
let describe: DescribeFailure = (_op, reason) => new RuntimeError(reason);

export function setDescribeFailure(f: DescribeFailure): void {
  describe = f;
}

function open(): NativeClient {
  if (client) return client;
  const info = addon().info();
  if (info.isaProblem) {
    const value = process.env['NATIVE_TRANSFORMERS_ISA'];
    throw new ImportError(`${info.isaProblem}: it is '${value}', and this CPU has ${info.levels.join(', ')}`, {
      code: 'ERR_ISA',
    });
  }
  if (info.memorySetting === 0)
    throw new ValueError(
      `NATIVE_TRANSFORMERS_MEMORY is '${process.env['NATIVE_TRANSFORMERS_MEMORY']}'; ` +
        `it must be bytes or a size such as '8GB' or '500MiB'`,
    );
  if (info.threadsSetting === 0)
    throw new ValueError(
      `NATIVE_TRANSFORMERS_THREADS is '${process.env['NATIVE_TRANSFORMERS_THREADS']}'; ` +
        'it must be a whole number from 1 to 1024',
    );
  if (info.niceSetting === -2)
    throw new ValueError(
      `NATIVE_TRANSFORMERS_NICE is '${process.env['NATIVE_TRANSFORMERS_NICE']}'; it must be a whole number from 0 to 19`,
    );
  client = addon().open(finished);
  return client;
}

/** What the addon says of itself and of this machine. */
export function nativeInfo(): NativeInfo {
  return addon().info();
}

function finished(id: number): void {
  const waiting = pending.get(id);
  pending.delete(id);
  if (!waiting) return;
  const error = readEnd(waiting.signal);
  if (error) waiting.reject(error);
  else waiting.resolve();
}

/** How a read ended, as the words tell: null when all went well. */
function readEnd(signal?: AbortSignal): Error | null {
  const { words, reason } = open();
  if (words[0] === State.failed) return describe(words[1] as number, reason(), readOperands(words));
  return words[0] === State.aborted ? new AbortError(signal?.reason) : null;
}

function readOperands(words: Int32Array): Operand[] {
  const operands: Operand[] = [];
  let at = 3;
  for (let n = words[2] as number; n > 0; n--) {
    const rank = words[at++] as number;
    const dtype = words[at++] as number;
    if (rank >= 0) operands.push({ dtype, dims: [...words.subarray(at, at + rank)] });
    at += Math.max(rank, 0);
  }
  return operands;
}

function check(status: number): void {
  if (status === Status.ok) return;
  const { words } = open();
  if (status === Status.refused) throw new Refused(open().reason());
  if (status === Status.disposed) throw new Refused('has been disposed', words[0] as number);
  if (status === Status.queueFull)
    throw new RuntimeError(
      'the stream holds more that has not run than it may, 2^20 commands or 8 GiB of results (or the memory ' +
        'limit, where that is more): await a result now and then',
      { code: 'ERR_QUEUE_FULL' },
    );
  if (status === Status.lost) throw readEnd() as Error;
  throw new RuntimeError('this stream has been closed', { code: 'ERR_STREAM_CLOSED' });
}

function put(numbers: Float64Array, values: readonly number[]): void {
  if (values.length > numbers.length) throw new Refused(`${values.length} dimensions or attributes are too many`);
  numbers.set(values);
}

function readOutputs(): Output[] {
  const { words, numbers } = open();
  const outputs: Output[] = [];
  let at = 1;
  let dim = 0;
  for (let n = words[0] as number; n > 0; n--) {
    const rank = words[at + 3] as number;
    const dims = new Array<number>(rank);
    for (let i = 0; i < rank; i++) dims[i] = numbers[dim++] as number;
    outputs.push({
      slot: words[at] as number,
      generation: words[at + 1] as number,
      dtype: words[at + 2] as number,
      dims,
    });
    at += 4;
  }
  return outputs;
}

/** Records one op. An input that is null was left out. @throws Refused */
export function record(
  stream: number,
  call: number,
  op: number,
  inputs: readonly (Handle | null)[],
  attrs: readonly number[],
): Output[] {
  const { words, numbers } = open();
  const at = putHead(words, op, stream, call, inputs);
  words[at] = attrs.length;
  put(numbers, attrs);
  check((client as NativeClient).record());
  return readOutputs();
}

/** Another shape over the same elements. @throws Refused */
export function reshape(stream: number, call: number, input: Handle, dtype: number, dims: readonly number[]): Output {
  const { words, numbers } = open();
  const at = putHead(words, -1, stream, call, [input]);
  words[at] = dtype;
  words[at + 1] = dims.length;
  put(numbers, dims);
  check((client as NativeClient).record());
  return readOutputs()[0] as Output;
}

function putHead(
  words: Int32Array,
  op: number,
  stream: number,
  call: number,
  inputs: readonly (Handle | null)[],
): number {
  if (4 + 2 * inputs.length >= words.length) throw new Refused(`${inputs.length} operands are too many`);
  words[0] = op;
  words[1] = stream;
  words[2] = call;
  words[3] = inputs.length;
  let at = 4;
  for (const input of inputs) {
    words[at++] = input ? input.slot : -1;
    words[at++] = input ? input.generation : 0;
  }
  return at;
}

/** Copies `data` now. @throws Refused */
export function upload(data: NodeJS.TypedArray, dtype: number, dims: readonly number[]): Output {
  const { words, numbers } = open();
  words[0] = dtype;
  words[1] = dims.length;
  put(numbers, dims);
  check((client as NativeClient).upload(data));
  return readOutputs()[0] as Output;
}

/** A byte range of an open file that becomes a parameter. */
export interface LoadRequest {
  /** File descriptor; stays open until a fence behind the load has passed. */
  file: number;
  offset: number;
  /** dtype of the bytes in the file, and of the parameter. */
  sourceType: number;
  dtype: number;
  dims: readonly number[];
  /** Distances of neighbours in the file, in elements; none when they lie side by side. */
  strides: readonly number[];
  /** Hold it as GEMM panels of [N, K], or of [K, N]. */
  pack: 'rows' | 'transposed' | null;
  /** Leave the bytes in the file where they can be computed with as they lie: no cast, no strides. */
  map: boolean;
}

const packNumber = (pack: LoadRequest['pack']) => (pack === 'transposed' ? 2 : pack === 'rows' ? 1 : 0);

/** A new value of bytes of a file, read on the stream's threads, or mapped. */
export function load(stream: number, call: number, request: LoadRequest): Output {
  const { words, numbers } = open();
  const { dims, strides } = request;
  const pack = packNumber(request.pack);
  const map = request.map ? 1 : 0;
  words.set([stream, call, request.dtype, dims.length, request.sourceType, pack, map, request.file, strides.length]);
  put(numbers, [...dims, request.offset, ...strides]);
  check((client as NativeClient).load());
  return readOutputs()[0] as Output;
}

/** A value as a parameter, held as GEMM panels when `pack` is set. No other value may share its memory. @throws Refused */
export function keep(stream: number, call: number, value: Handle, pack: LoadRequest['pack']): Output {
  const { words } = open();
  words.set([stream, call, value.slot, value.generation, packNumber(pack)]);
  check((client as NativeClient).keep());
  return readOutputs()[0] as Output;
}

/** Writes the bytes of a value into an open file from `offset` on. It stays open until a fence behind has passed. @throws Refused */
export function write(stream: number, call: number, value: Handle, file: number, offset: number): void {
  const { words, numbers } = open();
  words.set([stream, call, value.slot, value.generation, file]);
  put(numbers, [offset]);
  check((client as NativeClient).write());
}

/** The most handles that the argument block has room for. */
const kHandleBatch = 250;

/** Gives handles back. The values live on until the commands that were recorded with them have run. */
export function release(handles: readonly Handle[]): void {
  if (!client) return;
  const { words } = client;
  for (let begin = 0; begin < handles.length; begin += kHandleBatch) {
    const batch = handles.slice(begin, begin + kHandleBatch);
    words[0] = batch.length;
    let at = 1;
    for (const handle of batch) {
      words[at++] = handle.slot;
      words[at++] = handle.generation;
    }
    client.release();
  }
}

/** Hands what was recorded to the compute threads. */
export function submit(stream: number): void {
  open().submit(stream);
}

/** Drops what was recorded and not submitted. */
export function discard(stream: number): void {
  open().discard(stream);
}

function expect(start: (id: number) => number, signal?: AbortSignal): Promise<void> {
  const id = nextId;
  nextId = nextId === 0xffffffff ? 1 : nextId + 1;
  return new Promise((resolve, reject) => {
    pending.set(id, { resolve, reject, signal });
    try {
      check(start(id));
    } catch (error) {
      pending.delete(id);
      reject(error as Error);
    }
  });
}

/** `done`, or a rejection as soon as `signal` fires. */
async function unlessAborted(done: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return void (await done);
  let onAbort = () => {};
  const aborted = new Promise<void>((_, reject) => {
    onAbort = () => reject(new AbortError(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    await Promise.race([done, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Fills `arrays[i]` with the bytes of `handles[i]` when all before it in the stream has run. Submits. */
export async function read(
  stream: number,
  call: number,
  handles: readonly Handle[],
  arrays: NodeJS.TypedArray[],
  signal?: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  const batches: Promise<void>[] = [];
  for (let i = 0; i < handles.length; i += kHandleBatch)
    batches.push(
      startRead(stream, call, handles.slice(i, i + kHandleBatch), arrays.slice(i, i + kHandleBatch), signal),
    );
  await unlessAborted(Promise.all(batches), signal);
}

function startRead(
  stream: number,
  call: number,
  handles: readonly Handle[],
  arrays: NodeJS.TypedArray[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const native = open();
  const { words } = native;
  words[0] = stream;
  words[1] = call;
  words[2] = handles.length;
  let at = 3;
  for (const handle of handles) {
    words[at++] = handle.slot;
    words[at++] = handle.generation;
  }
  const done = expect((id) => native.read(id, arrays), signal);
  native.submit(stream);
  return done;
}

/** Resolves when all that was recorded before has run. */
export function fence(stream: number, call: number, signal?: AbortSignal): Promise<void> {
  return startRead(stream, call, [], [], signal);
}

/** Blocks this thread until `array` holds the value's bytes. @throws Refused, or what kept the value from being made */
export function wait(stream: number, handle: Handle, array: NodeJS.TypedArray): void {
  const native = open();
  native.words.set([stream, handle.slot, handle.generation]);
  check(native.wait(array));
}

/** Resolves when the stream's backlog is at or under both bounds. */
export function whenBelow(stream: number, commands: number, bytes: number): Promise<void> {
  return expect((id) => open().whenBelow(stream, commands, bytes, id));
}

/** Native bytes that JS objects keep alive. */
export const heldBytes = new HeldBytes((more) => open().hold(more));

/** A new stream at an instruction set ('' is the default, 'reference' the slow twins). @throws ValueError */
export function createStream(isa: string, singleThread: boolean): number {
  const id = open().createStream(isa, singleThread);
  if (id < 0)
    throw new ValueError(`no such instruction set here: '${isa}'; this CPU has ${nativeInfo().levels.join(', ')}`);
  return id;
}

export function closeStream(stream: number): void {
  client?.closeStream(stream);
}

export function beginCall(): number {
  return open().beginCall();
}

export function abortCall(call: number): void {
  client?.abortCall(call);
}

export function endCall(call: number): void {
  client?.endCall(call);
}

/** Bytes of tensor memory in this process, and handles of this instance. */
export interface MemoryStats {
  live: number;
  pooled: number;
  peak: number;
  limit: number;
  /** Bytes of mapped files: the system's own memory, not counted in the others. */
  mapped: number;
  handles: number;
}

export function memoryStats(): MemoryStats {
  const native = open();
  native.stats();
  const [live = 0, pooled = 0, peak = 0, limit = 0, mapped = 0, handles = 0] = native.numbers;
  return { live, pooled, peak, limit, mapped, handles };
}

/** Bytes that one number may take as text, comma included. */
const kFloatText = 16;

/**
 * Rows as text, made on the compute threads: `prefix + numbers + suffix`, numbers with commas between, each the shortest
 * text that reads back as the same float32.
 * @param vectors - [rows, dim]
 * @param prefixEnds - [rows], where each row's prefix ends in `prefixes`
 * @returns the text of all rows
 * @throws RuntimeError for a value that is not finite: JSON has no text for it
 */
export async function formatRows(
  stream: number,
  vectors: Float32Array,
  dim: number,
  prefixes: Uint8Array,
  prefixEnds: Float64Array,
  suffix: Uint8Array,
): Promise<Uint8Array> {
  const native = open();
  const rows = prefixEnds.length;
  const out = new Uint8Array(prefixes.length + rows * (dim * kFloatText + suffix.length));
  const ends = new Float64Array(rows);
  native.words.set([stream, 0, rows, dim]);
  const done = expect((id) => native.formatRows(id, vectors, prefixes, prefixEnds, suffix, out, ends));
  native.submit(stream);
  await done;
  return out.subarray(0, rows === 0 ? 0 : ends[rows - 1]);
}

/** A failure to read a checkpoint's bytes carries this code. */
export function fileError(reason: string): OSError {
  return new OSError(reason, { code: reason === 'file cannot be read' ? 'ERR_READ' : 'FILE_CHANGED' });
}

/** A failure to write bytes: its code is the system's, such as ENOSPC. */
export function writeError(reason: string): OSError {
  const [code] = reason.split(':', 1);
  return new OSError(reason, { code: code ?? 'EUNKNOWN' });
}
