import { realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { throwIfAborted } from '../errors';
import { cacheRoot } from '../hub/settings';
import { warn } from '../logging';
import { inTurns, type Steps, visitInSteps } from '../turns';
import { type CheckpointFault, fault, quote, quoteSome, systemCode } from './fault';
import { hubBlobs } from './hub-blobs';
import { readIndex, type ShardIndex, shardFiles } from './index-file';
import { noTensor, type OpenSafetensorsOptions, openSafetensors } from './safetensors';
import type { CheckpointSource, ReadOptions, TensorInfo } from './source';

/** Shards whose headers are read at the same time. */
const OPEN_AT_ONCE = 8;

/** Opens one file of weights. */
export type OpenFile = (path: string, options: OpenSafetensorsOptions) => Promise<CheckpointSource>;

/** What a tensor that an index lists is called in its shard. */
export type NameInShard = (name: string) => string;

/**
 * Opens every shard that an index names, and checks index and shards against each other.
 *
 * @param indexPath - path of `model.safetensors.index.json`; the shards lie beside it, or behind links in the same Hub cache.
 * @param open - opens a shard.
 * @param nameInShard - how a tensor that the index lists is called in its shard; default: so as well.
 * @throws ValueError when there is no index.
 * @throws CheckpointError `SHARD_MISSING`, `UNSAFE_SHARD_NAME`, `NAME_NOT_IN_SHARD`, `DUPLICATE_NAME`, and what `readIndex`
 *   and `openSafetensors` throw.
 */
export async function openShards(
  indexPath: string,
  options: OpenSafetensorsOptions = {},
  open: OpenFile = openSafetensors,
  nameInShard?: NameInShard,
): Promise<ShardedSource> {
  const read = await readIndex(indexPath, options.signal);
  const index = nameInShard ? await inTurns(renamed(read, nameInShard), options.signal) : read;
  const files = shardFiles(index);
  await checkPlaces(indexPath, files);
  const parts = await openAll(dirname(indexPath), files, options, open);
  try {
    return await joined(indexPath, index, files, parts, options.signal);
  } catch (error) {
    await closeAll(parts);
    throw error;
  }
}

/** Opens shards by their paths, where no index says which there are. @throws CheckpointError as `openShards` */
export async function openShardFiles(
  files: readonly string[],
  options: OpenSafetensorsOptions,
  open: OpenFile,
): Promise<ShardedSource> {
  const parts = await openAll('', files, options, open);
  try {
    const index = await inTurns(listed(files, parts), options.signal);
    return await joined(files[0] as string, index, files, parts, options.signal);
  } catch (error) {
    await closeAll(parts);
    throw error;
  }
}

/** The index that files are as if they had one. */
function* listed(files: readonly string[], parts: readonly CheckpointSource[]): Steps<ShardIndex> {
  const weightMap = new Map<string, string>();
  for (const [i, file] of files.entries())
    yield* visitInSteps((parts[i] as CheckpointSource).names(), (name) => weightMap.set(name, file));
  return { metadata: new Map(), weightMap };
}

function* renamed({ metadata, weightMap }: ShardIndex, nameInShard: NameInShard): Steps<ShardIndex> {
  const inShards = new Map<string, string>();
  yield* visitInSteps(weightMap, ([name, file]) => inShards.set(nameInShard(name), file));
  return { metadata, weightMap: inShards };
}

/** Checks open shards and their index against each other. */
async function joined(
  indexPath: string,
  index: ShardIndex,
  files: readonly string[],
  parts: readonly CheckpointSource[],
  signal: AbortSignal | undefined,
): Promise<ShardedSource> {
  const shards = new Map(files.map((file, i) => [file, parts[i] as CheckpointSource]));
  return new ShardedSource(index, parts, await inTurns(holders(indexPath, index, shards), signal));
}

/** Several files that are one checkpoint. */
export class ShardedSource implements CheckpointSource {
  readonly format: string;
  readonly files: readonly string[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly indexMetadata: ReadonlyMap<string, unknown>;
  readonly otherKeys: readonly string[];
  readonly forbidden: readonly string[];
  private ordered: readonly string[] | null = null;

  /** Use `openShards`. */
  constructor(
    index: ShardIndex,
    readonly parts: readonly CheckpointSource[],
    private readonly holder: ReadonlyMap<string, CheckpointSource>,
  ) {
    this.format = (parts[0] as CheckpointSource).format;
    this.files = parts.flatMap((part) => part.files);
    this.metadata = agreed(parts.map((part) => part.metadata));
    this.indexMetadata = index.metadata;
    this.otherKeys = parts.flatMap((part) => part.otherKeys);
    this.forbidden = [...new Set(parts.flatMap((part) => part.forbidden))];
  }

  names(): readonly string[] {
    this.ordered ??= ([] as string[]).concat(...this.parts.map((part) => part.names()));
    return this.ordered;
  }

  has(name: string): boolean {
    return this.holder.has(name);
  }

  info(name: string): TensorInfo {
    return this.partOf(name).info(name);
  }

  async read(name: string, options?: ReadOptions): Promise<Uint8Array> {
    return this.partOf(name).read(name, options);
  }

  descriptor(name: string): number {
    return this.partOf(name).descriptor(name);
  }

  async verify(): Promise<void> {
    for (const part of this.parts) await part.verify();
  }

  close(): Promise<void> {
    return closeAll(this.parts);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private partOf(name: string): CheckpointSource {
    const part = this.holder.get(name);
    if (part === undefined) throw noTensor(name, this);
    return part;
  }
}

/**
 * Finds every shard before one is opened: each must exist and really lie in the model's folder, in the Hub cache that this
 * is of, or in the user's, into which older clients of the Hub put the contents of folders that they filled.
 */
async function checkPlaces(indexPath: string, files: readonly string[]): Promise<void> {
  const folder = dirname(indexPath);
  const root = await realpath(folder);
  const blobs = await hubBlobs(folder);
  const cache = await realpath(cacheRoot()).catch(() => null);
  const isContent = (place: string) =>
    dirname(place) === blobs || (basename(dirname(place)) === 'blobs' && dirname(dirname(dirname(place))) === cache);
  const missing: string[] = [];
  for (const file of files) {
    const place = await realpath(join(folder, file)).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null;
      throw fault('FILE_UNREADABLE', `'${join(folder, file)}' cannot be reached: ${systemCode(error)}`, {
        file: join(folder, file),
        cause: error,
      });
    });
    if (place === null) missing.push(file);
    else if (!place.startsWith(root.endsWith(sep) ? root : root + sep) && !isContent(place)) {
      const message = `'${join(folder, file)}', which '${indexPath}' names, is a link to '${place}', outside its folder; put the file itself there`;
      throw fault('UNSAFE_SHARD_NAME', message, { file: indexPath });
    }
  }
  if (missing.length === 0) return;
  const count = missing.length === 1 ? 'a file that is' : `${missing.length} files that are`;
  const message = `'${indexPath}' names ${count} not there: ${quoteSome(missing)}; fetch what is missing or save the checkpoint again`;
  throw fault('SHARD_MISSING' satisfies CheckpointFault, message, { file: indexPath });
}

async function openAll(
  folder: string,
  files: readonly string[],
  options: OpenSafetensorsOptions,
  open: OpenFile,
): Promise<CheckpointSource[]> {
  const parts: CheckpointSource[] = [];
  const queue = files.entries();
  let failed = false;
  const work = async () => {
    for (const [i, file] of queue) {
      if (failed) return;
      throwIfAborted(options.signal);
      parts[i] = await open(join(folder, file), options);
    }
  };
  const workers = Array.from({ length: OPEN_AT_ONCE }, () =>
    work().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected === undefined) return parts;
  await closeAll(parts.filter((part) => part !== undefined));
  throw rejected.reason;
}

async function closeAll(parts: readonly CheckpointSource[]): Promise<void> {
  await Promise.all(parts.map((part) => part.close()));
}

/** Which shard holds each tensor. What a shard holds beside the index is kept, with a warning, as the reference loads it. */
function* holders(
  indexPath: string,
  index: ShardIndex,
  shards: ReadonlyMap<string, CheckpointSource>,
): Steps<Map<string, CheckpointSource>> {
  const holder = new Map<string, CheckpointSource>();
  const extra: string[] = [];
  for (const shard of shards.values())
    yield* visitInSteps(shard.names(), (name) => {
      const other = holder.get(name);
      if (other !== undefined) {
        const message = `both '${other.files[0]}' and '${shard.files[0]}' hold tensor ${quote(name)}; save the checkpoint again`;
        throw fault('DUPLICATE_NAME', message, { file: indexPath, tensor: name });
      }
      holder.set(name, shard);
      if (!index.weightMap.has(name)) extra.push(name);
    });
  yield* checkMapped(indexPath, index, shards);
  if (extra.length > 0) {
    warn(
      `'${indexPath}' does not list ${extra.length} tensors that its shards hold, ${quoteSome(extra)}; they are used`,
    );
  }
  const stated = index.metadata.get('total_size');
  if (typeof stated === 'number') yield* checkTotal(indexPath, stated, shards.values());
  return holder;
}

function* checkTotal(indexPath: string, stated: number, shards: Iterable<CheckpointSource>): Steps<void> {
  let total = 0;
  // Writers of PyTorch files count tensors that are the same bytes once.
  let once = 0;
  for (const shard of shards) {
    const places = new Set<string>();
    yield* visitInSteps(shard.names(), (name) => {
      const { file, byteOffset, byteLength } = shard.info(name);
      total += byteLength;
      if (places.size < places.add(`${byteOffset} ${byteLength} ${file}`).size) once += byteLength;
    });
  }
  if (stated !== total && stated !== once)
    warn(`'${indexPath}' states a total_size of ${stated} bytes, its shards hold ${total}`);
}

function* checkMapped(
  indexPath: string,
  index: ShardIndex,
  shards: ReadonlyMap<string, CheckpointSource>,
): Steps<void> {
  const lost: string[] = [];
  yield* visitInSteps(index.weightMap, ([name, file]) => {
    if (!shards.get(file)?.has(name)) lost.push(name);
  });
  const [first] = lost;
  if (first === undefined) return;
  const message =
    `'${indexPath}' places ${lost.length} tensors in files that do not hold them: ${quoteSome(lost)} ` +
    `(${quote(first)} should be in ${quote(index.weightMap.get(first) as string)}); fetch or save the checkpoint again`;
  throw fault('NAME_NOT_IN_SHARD', message, { file: indexPath, tensor: first });
}

/** The entries that all maps have alike. */
function agreed(maps: readonly ReadonlyMap<string, string>[]): Map<string, string> {
  const [first, ...rest] = maps as [ReadonlyMap<string, string>, ...ReadonlyMap<string, string>[]];
  return new Map([...first].filter(([key, value]) => rest.every((map) => map.get(key) === value)));
}
