/** The index of a sharded checkpoint: which file holds which tensor. */
import { isUtf8 } from 'node:buffer';
import { basename } from 'node:path';
import { type CheckpointError, ValueError } from '../errors';
import { atOnce, inTurns, joinInSteps, type Steps, sortInSteps, visitInSteps } from '../turns';
import { compareCodePoints } from './code-points';
import { type CheckpointFault, fault, quote } from './fault';
import { isGitLfsPointer } from './foreign-format';
import { JsonScanner } from './json-scanner';
import { PinnedFile } from './pinned-file';
import { assertSafeShardName } from './shard-name';
import { writeWhole } from './staged-file';

const MOST_INDEX_BYTES = 100_000_000;
const MOST_SHARDS = 10_000;
const DEEPEST = 127;
/** Objects open around a value of `metadata`. */
const METADATA_DEPTH = 2;
/** Members between two chances for other work to run. */
const MEMBERS_A_STEP = 64;
const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;

/** What `model.safetensors.index.json` holds. */
export interface ShardIndex {
  /** `total_size` and whatever else the writer noted. */
  metadata: Map<string, unknown>;
  /** Tensor name → file name, relative to the index's folder. */
  weightMap: Map<string, string>;
}

/** Files that the index names, sorted. */
export function shardFiles(index: ShardIndex): string[] {
  return [...new Set(index.weightMap.values())].sort(compareCodePoints);
}

/**
 * Reads an index. Every file name in it has been found safe to join to the folder.
 *
 * @throws ValueError `Can't find a checkpoint index` when there is no such file.
 * @throws CheckpointError `INDEX_INVALID`, `INDEX_TOO_LARGE`, `DUPLICATE_NAME`, `TOO_MANY_SHARDS`, `UNSAFE_SHARD_NAME`.
 */
export async function readIndex(path: string, signal?: AbortSignal): Promise<ShardIndex> {
  const file = await PinnedFile.open(path, signal).catch((error: unknown) => {
    if ((error as CheckpointError).code !== ('FILE_NOT_FOUND' satisfies CheckpointFault)) throw error;
    const message = `Can't find a checkpoint index (${basename(path)}) at '${path}'; save the checkpoint again`;
    throw new ValueError(message, { code: 'FILE_NOT_FOUND' satisfies CheckpointFault, cause: error });
  });
  try {
    if (file.size > MOST_INDEX_BYTES) {
      const message = `'${path}' has ${file.size} bytes, an index may have ${MOST_INDEX_BYTES}; fetch or save it again`;
      throw fault('INDEX_TOO_LARGE', message, { file: path });
    }
    const bytes = Buffer.allocUnsafeSlow(file.size);
    await file.readInto(bytes, 0, signal);
    return await inTurns(parseIndexInSteps(bytes, path), signal);
  } finally {
    await file.close();
  }
}

/** Parses the bytes of an index strictly. @param file - path for messages. */
export function parseIndex(bytes: Uint8Array, file: string): ShardIndex {
  return atOnce(parseIndexInSteps(bytes, file));
}

/** `parseIndex` in steps, for callers that share their thread. */
function* parseIndexInSteps(bytes: Uint8Array, file: string): Steps<ShardIndex> {
  if (isGitLfsPointer(bytes)) {
    const message = `'${file}' is a pointer of git-lfs; install git-lfs and run 'git lfs pull' in the folder`;
    throw fault('GIT_LFS_POINTER', message, { file });
  }
  if (!isUtf8(bytes)) throw invalidIndex(file, 'it is not UTF-8');
  const scanner = new JsonScanner(
    bytes,
    (message, offset) => {
      throw invalidIndex(file, `it is not strict JSON: ${message}`, offset);
    },
    DEEPEST,
  );
  const index = yield* readSections(scanner, bytes, file);
  const files = shardFiles(index);
  if (files.length === 0) throw invalidIndex(file, 'it names no file');
  if (files.length > MOST_SHARDS) {
    throw fault('TOO_MANY_SHARDS', `'${file}' names ${files.length} files, at most ${MOST_SHARDS} are allowed`, {
      file,
    });
  }
  for (const name of files) assertSafeShardName(name, file);
  return index;
}

/** The text of an index as Python writes it: keys sorted, two spaces, ASCII only, a newline at the end. */
export function* formatIndex(index: ShardIndex): Steps<string> {
  const metadata = yield* formatObject(index.metadata);
  const weightMap = yield* formatObject(index.weightMap);
  return `{\n  "metadata": ${metadata},\n  "weight_map": ${weightMap}\n}\n`;
}

/**
 * Writes an index; the file appears complete or not at all.
 *
 * @throws CheckpointError `UNSAFE_SHARD_NAME` when a file name would be refused by `readIndex`.
 * @throws OSError `DISK_FULL`, `WRITE_FAILED`.
 */
export async function writeIndex(path: string, index: ShardIndex, signal?: AbortSignal): Promise<void> {
  for (const name of shardFiles(index)) assertSafeShardName(name, path);
  await writeWhole(path, Buffer.from(await inTurns(formatIndex(index), signal)), signal);
}

function* readSections(scanner: JsonScanner, bytes: Uint8Array, file: string): Steps<ShardIndex> {
  let metadata: Map<string, unknown> | null = null;
  let weightMap: Map<string, string> | null = null;
  scanner.expect('{');
  if (!scanner.accept('}')) {
    do {
      const key = scanner.string();
      scanner.expect(':');
      if ((key === 'metadata' && metadata) || (key === 'weight_map' && weightMap)) throw twice(key, file);
      if (key === 'metadata') metadata = yield* readMetadata(scanner, bytes, file);
      else if (key === 'weight_map') weightMap = yield* readWeightMap(scanner, file);
      else scanner.skip(1);
    } while (scanner.accept(','));
    scanner.expect('}');
  }
  scanner.end();
  if (weightMap === null) throw invalidIndex(file, 'it has no weight_map');
  return { metadata: metadata ?? new Map(), weightMap };
}

function* readWeightMap(scanner: JsonScanner, file: string): Steps<Map<string, string>> {
  const weightMap = new Map<string, string>();
  // A file name occurs thousands of times: keep one copy of each.
  const files = new Map<string, string>();
  yield* readMembers(scanner, 'weight_map', file, (name) => {
    if (weightMap.has(name)) throw twice(name, file);
    if (scanner.peek() !== QUOTE)
      throw invalidIndex(file, `weight_map places ${quote(name)} in something else than a file`);
    const value = scanner.string();
    const shared = files.get(value) ?? value;
    files.set(shared, shared);
    weightMap.set(name, shared);
  });
  return weightMap;
}

function* readMetadata(scanner: JsonScanner, bytes: Uint8Array, file: string): Steps<Map<string, unknown>> {
  const metadata = new Map<string, unknown>();
  if (scanner.peek() !== OPEN_BRACE) {
    scanner.skip(1);
    return metadata;
  }
  yield* readMembers(scanner, 'metadata', file, (key) => {
    if (metadata.has(key)) throw twice(key, file);
    scanner.peek();
    const start = scanner.position;
    scanner.skip(METADATA_DEPTH);
    const { buffer, byteOffset } = bytes;
    const text = Buffer.from(buffer, byteOffset + start, scanner.position - start).toString('utf8');
    metadata.set(key, JSON.parse(text));
  });
  return metadata;
}

function* readMembers(scanner: JsonScanner, what: string, file: string, read: (key: string) => void): Steps<void> {
  if (scanner.peek() !== OPEN_BRACE) throw invalidIndex(file, `${what} is not an object`);
  scanner.expect('{');
  if (scanner.accept('}')) return;
  let count = 0;
  do {
    const key = scanner.string();
    scanner.expect(':');
    read(key);
    if (++count % MEMBERS_A_STEP === 0) yield;
  } while (scanner.accept(','));
  scanner.expect('}');
}

function* formatObject(map: ReadonlyMap<string, unknown>): Steps<string> {
  if (map.size === 0) return '{}';
  const lines: string[] = [];
  const sorted = yield* sortInSteps([...map], ([a], [b]) => compareCodePoints(a, b));
  yield* visitInSteps(sorted, ([key, value]) => lines.push(`    ${ascii(key)}: ${ascii(value)}`));
  return `{\n${yield* joinInSteps(lines, ',\n')}\n  }`;
}

/** JSON with everything outside printable ASCII escaped. */
function ascii(value: unknown): string {
  const text = JSON.stringify(value);
  return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function invalidIndex(file: string, what: string, offset?: number): CheckpointError {
  const message = `'${file}' is not an index of shards: ${what}; fetch or save it again`;
  return fault('INDEX_INVALID', message, offset === undefined ? { file } : { file, offset });
}

function twice(name: string, file: string): CheckpointError {
  return fault('DUPLICATE_NAME', `'${file}' has two entries for ${quote(name)}; fetch or save it again`, { file });
}
