/** Opens GGUF files: one, or the parts of a split one. */
import { basename, dirname, join } from 'node:path';
import { throwIfAborted, unknownName } from '../../errors';
import { inTurns, type Steps, visitInSteps } from '../../turns';
import { type CheckpointFault, fault, quote, unreadable } from '../fault';
import { type HeaderLimits, headerLimits } from '../header-limits';
import { PinnedFile } from '../pinned-file';
import { ShardedSource } from '../sharded';
import type { CheckpointSource } from '../source';
import { type GgufHeader, parseGgufHeaderInSteps } from './gguf-header';
import { GgufSource } from './gguf-source';
import { numberOf } from './gguf-values';
import { firstPart, partNames } from './part-names';

/** Options of `openGguf`. */
export interface OpenGgufOptions {
  signal?: AbortSignal;
  limits?: Partial<HeaderLimits>;
  /** Open files with tensors of types that a load refuses: for those who show and do not load. Default false. */
  lookOnly?: boolean;
}

const OPTIONS = ['signal', 'limits', 'lookOnly'];

/** Bytes of the first read: most headers are longer, those with a vocabulary by a few MB. */
const FIRST_READ_BYTES = 1024 * 1024;
const NEXT_READ_FACTOR = 4;

/**
 * Opens a GGUF file and reads its header, nothing else. Of a split file any part stands for all: the others lie beside it.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` when a file is missing, damaged or hostile.
 * @throws AbortError when `signal` is aborted.
 */
export async function openGguf(path: string, options: OpenGgufOptions = {}): Promise<CheckpointSource> {
  for (const name of Object.keys(options))
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'openGguf()', OPTIONS);
  const part = await openPart(path, options);
  try {
    const count = numberOf(part.values, 'split.count') ?? 1;
    return count === 1 ? part : await openSplit(part, count, options);
  } catch (error) {
    await part.close();
    throw error;
  }
}

/**
 * Opens the file that holds the metadata: of a split file the first part, whichever is named, and none of the others. It is
 * asked for nothing else, so its tensors may be of any type.
 * @throws as `openGguf`
 */
export async function openGgufHead(path: string, options: OpenGgufOptions = {}): Promise<CheckpointSource> {
  return openPart(join(dirname(path), firstPart(basename(path))), { ...options, lookOnly: true });
}

async function openPart(path: string, options: OpenGgufOptions): Promise<GgufSource> {
  const file = await PinnedFile.open(path, options.signal);
  try {
    return new GgufSource(file, await readHeader(file, options));
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(
  file: PinnedFile,
  { signal, limits, lookOnly = false }: OpenGgufOptions,
): Promise<GgufHeader> {
  const known = { path: file.path, size: file.size, limits: headerLimits(limits), lookOnly };
  for (let length = FIRST_READ_BYTES; ; length *= NEXT_READ_FACTOR) {
    const bytes = Buffer.allocUnsafeSlow(Math.min(length, file.size));
    await file.readInto(bytes, 0, signal);
    await file.verify();
    const header = await inTurns(parseGgufHeaderInSteps(bytes, known), signal);
    if (header !== null) return header;
    throwIfAborted(signal);
  }
}

async function openSplit(part: GgufSource, count: number, options: OpenGgufOptions): Promise<ShardedSource> {
  const path = part.files[0] as string;
  const names = partNames(basename(path));
  const no = numberOf(part.values, 'split.no');
  const fail = (code: CheckpointFault, message: string): never => {
    throw unreadable(code, path, message);
  };
  if (names?.length !== count || names.indexOf(basename(path)) !== no)
    return fail(
      'INDEX_INVALID',
      `it says that it is part ${no} (from 0) of ${count}, which its name does not; expected a name such as ` +
        'model-00001-of-00003.gguf',
    );
  const parts = await openParts(part, names, options);
  try {
    return await inTurns(joined(parts, names), options.signal);
  } catch (error) {
    await Promise.all(parts.filter((other) => other !== part).map((other) => other.close()));
    throw error;
  }
}

async function openParts(part: GgufSource, names: readonly string[], options: OpenGgufOptions): Promise<GgufSource[]> {
  const path = part.files[0] as string;
  const parts: GgufSource[] = [];
  try {
    for (const name of names) {
      throwIfAborted(options.signal);
      const file = join(dirname(path), name);
      parts.push(
        name === basename(path)
          ? part
          : await openPart(file, options).catch((error: unknown) => {
              if ((error as { code?: unknown }).code !== ('FILE_NOT_FOUND' satisfies CheckpointFault)) throw error;
              const message = `'${path}' is one of ${names.length} parts, of which ${quote(name)} is not there; fetch it`;
              throw fault('SHARD_MISSING', message, { file: path, cause: error });
            }),
      );
    }
    return parts;
  } catch (error) {
    await Promise.all(parts.filter((other) => other !== part).map((other) => other.close()));
    throw error;
  }
}

/** Parts that agree on how many they are, and hold as many tensors as they say. */
function* joined(parts: readonly GgufSource[], names: readonly string[]): Steps<ShardedSource> {
  const holder = new Map<string, CheckpointSource>();
  const weightMap = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const file = part.files[0] as string;
    const [no, count] = [numberOf(part.values, 'split.no'), numberOf(part.values, 'split.count')];
    if (no !== i || count !== parts.length)
      throw unreadable(
        'INDEX_INVALID',
        file,
        `it says that it is part ${no} (from 0) of ${count}; expected ${i} of ${parts.length}`,
      );
    yield* visitInSteps(part.names(), (name) => {
      const other = weightMap.get(name);
      if (other !== undefined)
        throw fault('DUPLICATE_NAME', `both '${other}' and '${file}' hold tensor ${quote(name)}`, {
          file,
          tensor: name,
        });
      holder.set(name, part);
      weightMap.set(name, names[i] as string);
    });
  }
  const stated = numberOf((parts[0] as GgufSource).values, 'split.tensors.count');
  if (stated !== holder.size)
    throw unreadable(
      'INDEX_INVALID',
      (parts[0] as GgufSource).files[0] as string,
      `it says that all parts hold ${stated} tensors, and they hold ${holder.size}; fetch them again`,
    );
  return new ShardedSource({ metadata: new Map(), weightMap }, parts, holder);
}
