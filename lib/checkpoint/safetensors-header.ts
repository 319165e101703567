/**
 * The header of a safetensors file, read strictly: `u64le N`, N bytes of JSON, data to the end of the file. Every byte of
 * data belongs to exactly one tensor. Stricter than the reference reader in that equal names are refused.
 *
 * Source: the format description at https://github.com/huggingface/safetensors.
 */
import { isUtf8 } from 'node:buffer';
import type { CheckpointError } from '../errors';
import { atOnce, type Steps } from '../turns';
import { type CheckpointFault, quote, unreadable } from './fault';
import { foreignFormat, isGitLfsPointer } from './foreign-format';
import { type HeaderLimits, headerLimits } from './header-limits';
import { JsonScanner } from './json-scanner';
import { SafetensorsEntryReader } from './safetensors-entry';
import { TensorTable } from './tensor-table';
import { checkTiling } from './tiling';

/** Options of `parseHeader`. */
export interface ParseOptions {
  /** Path for messages. */
  file?: string;
  limits?: Partial<HeaderLimits>;
}

/** A header whose every claim has been checked against the size of the file. */
export interface SafetensorsHeader {
  metadata: Map<string, string>;
  tensors: TensorTable;
  /** First byte of the data, counted from the start of the file: 8 + N. */
  dataStart: number;
}

/** Bytes in front of the JSON. */
export const LENGTH_BYTES = 8;
/** No entry is shorter than `"":{"dtype":"F4","shape":[],"data_offsets":[0,0]},`. */
const SHORTEST_ENTRY = 50;
/** Entries between two chances for other work to run. */
const ENTRIES_A_STEP = 64;

/**
 * Parses and checks a header.
 *
 * @param bytes - the file's first 8 + N bytes, or more.
 * @param fileSize - bytes of the whole file.
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS`.
 */
export function parseHeader(bytes: Uint8Array, fileSize: number, options: ParseOptions = {}): SafetensorsHeader {
  return atOnce(parseHeaderInSteps(bytes, fileSize, options));
}

/** `parseHeader` in steps, for callers that share their thread. */
export function* parseHeaderInSteps(
  bytes: Uint8Array,
  fileSize: number,
  options: ParseOptions = {},
): Steps<SafetensorsHeader> {
  const file = options.file ?? 'safetensors';
  const limits = headerLimits(options.limits);
  const length = headerLength(bytes, fileSize, { file, limits });
  const dataStart = LENGTH_BYTES + length;
  const json = bytes.subarray(LENGTH_BYTES, dataStart);
  if (json.byteLength < length) throw truncatedHeader(file, length, bytes.byteLength);
  if (!isUtf8(json)) {
    throw unreadable('HEADER_INVALID_UTF8', file, `its header is not UTF-8; ${DAMAGED}`, { offset: LENGTH_BYTES });
  }

  const fail = (code: CheckpointFault, message: string, offset?: number): CheckpointError =>
    unreadable(code, file, message, offset === undefined ? {} : { offset: LENGTH_BYTES + offset });
  const scanner = new JsonScanner(
    json,
    (message, offset) => {
      throw fail('HEADER_INVALID_JSON', `its header is not strict JSON: ${message}${hint(json, offset)}`, offset);
    },
    limits.depth,
  );
  const capacity = Math.min(limits.tensors, Math.floor(length / SHORTEST_ENTRY) + 1);
  const tensors = new TensorTable(capacity);
  const entries = new SafetensorsEntryReader(scanner, tensors, fileSize - dataStart, limits, file);
  let metadata: Map<string, string> | null = null;

  scanner.expect('{');
  if (!scanner.accept('}')) {
    for (let count = 1; ; count++) {
      const start = scanner.position;
      const name = scanner.string(limits.nameBytes, (message, offset) => {
        throw fail('NAME_TOO_LONG', `the name of tensor ${tensors.size} ${message}; shorten it`, offset);
      });
      scanner.expect(':');
      if (name === '__metadata__') {
        if (metadata !== null)
          throw fail('DUPLICATE_NAME', `its header has two __metadata__ entries; ${DAMAGED}`, start);
        metadata = readMetadata(scanner, limits.metadataEntries, fail);
      } else {
        entries.read(name, start);
      }
      if (!scanner.accept(',')) break;
      if (count % ENTRIES_A_STEP === 0) yield;
    }
    scanner.expect('}');
  }
  scanner.end();
  yield* checkTiling(tensors, fileSize - dataStart, file);
  return { metadata: metadata ?? new Map(), tensors, dataStart };
}

/**
 * N, the bytes of JSON, from the first eight bytes of the file.
 *
 * @throws CheckpointError `EMPTY_FILE`, `GIT_LFS_POINTER`, `WRONG_FORMAT`, `HEADER_TRUNCATED`, `HEADER_TOO_LARGE`.
 */
export function headerLength(
  bytes: Uint8Array,
  fileSize: number,
  { file, limits }: { file: string; limits: HeaderLimits },
): number {
  if (fileSize === 0) throw unreadable('EMPTY_FILE', file, `it is empty; ${DAMAGED}`);
  if (isGitLfsPointer(bytes)) {
    throw unreadable(
      'GIT_LFS_POINTER',
      file,
      "it is a pointer that git leaves in place of the file when git-lfs is not installed; install git-lfs and run 'git lfs pull' in the folder",
    );
  }
  if (fileSize < LENGTH_BYTES || bytes.byteLength < LENGTH_BYTES) {
    throw unreadable('HEADER_TRUNCATED', file, `it has ${fileSize} bytes, a header needs at least 8; ${DAMAGED}`);
  }
  const exact = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (exact > BigInt(limits.headerBytes)) {
    const other = foreignFormat(bytes);
    if (other !== null) {
      throw unreadable('WRONG_FORMAT', file, `it is not a safetensors file but looks like ${other}`);
    }
    const most = limits.headerBytes.toLocaleString('en');
    throw unreadable(
      'HEADER_TOO_LARGE',
      file,
      `it claims a header of ${exact} bytes, at most ${most} are allowed; ${DAMAGED}`,
    );
  }
  const length = Number(exact);
  if (LENGTH_BYTES + length > fileSize) throw truncatedHeader(file, length, fileSize);
  return length;
}

/** What to do about a file that cannot be right. */
const DAMAGED = 'the file is damaged or not a safetensors file: fetch or save it again';

function truncatedHeader(file: string, length: number, size: number): CheckpointError {
  return unreadable(
    'HEADER_TRUNCATED',
    file,
    `its header should have ${length} bytes and it ends after ${size}; ${DAMAGED}`,
  );
}

function readMetadata(
  scanner: JsonScanner,
  limit: number,
  fail: (code: CheckpointFault, message: string, offset?: number) => CheckpointError,
): Map<string, string> {
  const metadata = new Map<string, string>();
  const notStrings = (what: string) =>
    fail(
      'METADATA_INVALID',
      `__metadata__ must be an object of at most ${limit} strings, ${what}; ${DAMAGED}`,
      scanner.position,
    );
  const first = scanner.peek();
  if (first === 0x6e) {
    scanner.skip(1);
    return metadata;
  }
  if (first !== 0x7b) throw notStrings('it is not an object');
  scanner.expect('{');
  if (scanner.accept('}')) return metadata;
  do {
    const start = scanner.position;
    const key = scanner.string();
    scanner.expect(':');
    if (scanner.peek() !== 0x22) throw notStrings(`${quote(key)} is not a string`);
    if (metadata.has(key)) throw fail('DUPLICATE_NAME', `__metadata__ has two keys ${quote(key)}; ${DAMAGED}`, start);
    if (metadata.size === limit) throw notStrings('it has more');
    metadata.set(key, scanner.string());
  } while (scanner.accept(','));
  scanner.expect('}');
  return metadata;
}

/** What usually causes a fault at this byte, as the end of a sentence. */
function hint(json: Uint8Array, offset: number): string {
  if (json[offset] === 0) return '; the header is padded with NUL bytes: rewrite it padded with spaces';
  if (offset === 0 && json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf) {
    return '; it starts with a byte order mark: rewrite it without';
  }
  return `; ${DAMAGED}`;
}
