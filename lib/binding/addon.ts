import { relative } from 'node:path';
import { ImportError } from '../errors';
import { packageRoot } from '../package';

/** What a build of the addon says of itself and of this machine. */
export interface NativeInfo {
  /** Names of the ops; an op's number is its index here. */
  ops: string[];
  /** Names of the activations that a product can apply; an activation's number is its index here. */
  activations: string[];
  /** Instruction sets that this build has and this CPU runs, in rising order. */
  levels: string[];
  /** The one in use, or '' when NATIVE_TRANSFORMERS_ISA cannot be obeyed. */
  isa: string;
  /** Why NATIVE_TRANSFORMERS_ISA cannot be obeyed, or ''. */
  isaProblem: string;
  /** Compute threads. */
  threads: number;
  /** Threads that NATIVE_TRANSFORMERS_THREADS asks for; -1 unset, 0 not a number of threads. */
  threadsSetting: number;
  /** By how much NATIVE_TRANSFORMERS_NICE asks compute threads to give way; -1 unset, -2 not a number from 0 to 19. */
  niceSetting: number;
  /** Cores that this process may use. */
  cores: number;
  /** Bytes that tensors may take. */
  memoryLimit: number;
  /** Bytes that NATIVE_TRANSFORMERS_MEMORY asks for; -1 unset, 0 not a size. */
  memorySetting: number;
  buildTool: string;
  compiler: string;
}

/**
 * The native half of one TypeScript instance. Hot calls take their arguments from `words` and `numbers` and leave
 * their results there; the layouts stand beside each function in native/addon. Functions that return a number return a
 * status, except createStream and beginCall, which return an id.
 */
export interface NativeClient {
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  record(): number;
  upload(array: NodeJS.TypedArray): number;
  load(): number;
  keep(): number;
  write(): number;
  release(): void;
  submit(stream: number): void;
  discard(stream: number): void;
  read(id: number, arrays: NodeJS.TypedArray[]): number;
  wait(array: NodeJS.TypedArray): number;
  whenBelow(stream: number, commands: number, bytes: number, id: number): number;
  createStream(isa: string, singleThread: boolean): number;
  closeStream(stream: number): void;
  beginCall(): number;
  abortCall(call: number): void;
  endCall(call: number): void;
  reason(): string;
  stats(): void;
  /** Tells the garbage collector that collecting what JS holds would free so many bytes more (or less). */
  hold(bytes: number): void;
  formatRows(
    id: number,
    vectors: Float32Array,
    prefixes: Uint8Array,
    prefixEnds: Float64Array,
    suffix: Uint8Array,
    out: Uint8Array,
    outEnds: Float64Array,
  ): number;
}

/** Hears of a finished read. `words` hold how it ended; of a failure `reason()` says why. */
export type Finished = (id: number) => void;

export interface Addon {
  /** The client holds `finished`, and nothing but an unfinished read holds the client. */
  open(finished: Finished): NativeClient;
  info(): NativeInfo;
  /** For each op: nanoseconds and calls since the process began. */
  profile(): number[];
  /** Exchanges two paths in one step, on a thread of its own; `done` hears 0 or the number of the system's error. */
  exchange(a: string, b: string, done: (error: number) => void): void;
  /** Locks an open file or folder for this process; gives 0 or the number of the system's error. */
  lock(file: number): number;
  /** Reads into `target` what the system has in memory; gives the bytes, or -1 where a read has to wait. */
  readCached(file: number, target: Uint8Array, offset: number, length: number, position: number): number;
  /** CRC-32C of `bytes` behind those whose sum is `before`. */
  crc32c(bytes: Uint8Array, before: number): number;
}

let loaded: Addon | null = null;

/**
 * Loads the addon on first use: a local build, else the prebuilt binary for this platform.
 * @throws ImportError `ERR_NATIVE_MISSING` with the command that builds it.
 */
export function addon(): Addon {
  if (loaded) return loaded;
  try {
    const load = require('node-gyp-build') as (root: string) => Addon;
    loaded = load(packageRoot);
  } catch (cause) {
    throw new ImportError(missing(cause), { code: 'ERR_NATIVE_MISSING', cause });
  }
  return loaded;
}

/** Where the loaded addon's file lies. */
export function addonPath(): string {
  const load = require('node-gyp-build') as { path(root: string): string };
  return load.path(packageRoot);
}

function missing(cause: unknown): string {
  const target = `${process.platform}-${process.arch}, Node ${process.version}`;
  const folder = relative(process.cwd(), packageRoot);
  const prefix = folder === '' ? '' : ` --prefix ${folder.startsWith('..') ? packageRoot : folder}`;
  const detail = String((cause as { message?: unknown } | null)?.message ?? cause).split('\n')[0];
  return (
    `native-transformers has no native build that loads here (${target}): ${detail}. ` +
    `Build it with: npm run build:native${prefix} (needs a C++ compiler, make and python3, or cmake with cmake-js)`
  );
}
