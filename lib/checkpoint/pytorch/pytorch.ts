/**
 * Opens PyTorch files in zip form (torch 1.6 and later): the pickle is read as data by `unpickle`, and a tensor is a view
 * of the bytes of a member of the archive.
 *
 * Source: torch/serialization.py and torch/csrc/jit/serialization of PyTorch 2.13, which write these files.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { throwIfAborted, unknownName } from '../../errors';
import { bitsOf } from '../dtype';
import { quote } from '../fault';
import { type HeaderLimits, headerLimits } from '../header-limits';
import { PinnedFile } from '../pinned-file';
import { checkIsZip } from './file-kind';
import { unpickle } from './pickle';
import type { PickleValue } from './pickle-values';
import type { PickledTensor } from './pickled-tensor';
import { pytorchFault } from './pytorch-fault';
import { type PlacedTensor, PyTorchSource } from './pytorch-source';
import { extentOf, type Fail, stateDict } from './state-dict';
import { TorchObjects } from './torch-objects';
import { ZipDirectory } from './zip-directory';
import { ZipMember } from './zip-member';

/** Options of `openPyTorch`. */
export interface OpenPyTorchOptions {
  signal?: AbortSignal;
  limits?: Partial<HeaderLimits>;
  /** Compare every member that is used with its checksum: reads the whole file. Default false, as in PyTorch. */
  checksums?: boolean;
  /** Note names that a load refuses in `forbidden` instead of refusing: for those who show and do not load. */
  lookOnly?: boolean;
}

const OPTIONS = ['signal', 'limits', 'checksums', 'lookOnly'];
/** The version of the archive that PyTorch 2.13 can read. */
const HIGHEST_VERSION = 10;
/** Members such as `version` and `byteorder` hold a word. */
const WORD_BYTES = 64;
/** Local headers that are read at the same time. */
const FIND_AT_ONCE = 32;

/**
 * Opens one file and reads its pickle, nothing of its tensors.
 *
 * @throws CheckpointError with a code of `CHECKPOINT_FAULTS` when the file is missing, damaged or hostile, or names
 *   anything that is neither a tensor nor plain data.
 * @throws AbortError when `signal` is aborted.
 */
export async function openPyTorch(path: string, options: OpenPyTorchOptions = {}): Promise<PyTorchSource> {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw unknownName('option', name, 'openPyTorch()', OPTIONS);
  }
  const file = await PinnedFile.open(path, options.signal);
  try {
    return await new Opening(file, options).run();
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** One call of `openPyTorch`. */
class Opening {
  private readonly limits: HeaderLimits;
  private readonly members = new Map<string, ZipMember>();
  private readonly fail: Fail = (code, message, tensor) => {
    throw pytorchFault(code, this.file.path, message, tensor === undefined ? {} : { tensor });
  };

  constructor(
    private readonly file: PinnedFile,
    private readonly options: OpenPyTorchOptions,
  ) {
    this.limits = headerLimits(options.limits);
  }

  async run(): Promise<PyTorchSource> {
    const { file, options } = this;
    const { signal } = options;
    await checkIsZip(file, signal);
    const directory = await ZipDirectory.read(file, this.limits, signal);
    const root = this.rootOf(directory);
    await this.checkWords(directory, root);
    const forbidden = options.lookOnly ? new Set<string>() : null;
    const value = await this.readPickle(directory, `${root}data.pkl`, forbidden);
    const { tensors, otherKeys } = stateDict(value, this.limits, this.fail);
    await this.findMembers(directory, root, tensors);
    const placed = new Map<string, PlacedTensor>();
    for (const [name, tensor] of tensors) placed.set(name, this.place(name, tensor));
    await file.verify();
    return new PyTorchSource(file, placed, otherKeys, [...(forbidden ?? [])]);
  }

  /** The folder that holds everything, with its slash. */
  private rootOf(directory: ZipDirectory): string {
    const roots = directory.names().flatMap((name) => /^([^/]+\/)data\.pkl$/.exec(name)?.[1] ?? []);
    const [root] = roots;
    if (root === undefined) {
      return this.fail(
        'UNKNOWN_FORMAT',
        'it is a zip archive without a member data.pkl, not one that torch.save wrote',
      );
    }
    if (roots.length > 1) this.fail('ZIP_DUPLICATE_NAME', `it holds data.pkl ${roots.length} times`);
    if (directory.get(`${root}constants.pkl`) || directory.names().some((name) => name.startsWith(`${root}code/`))) {
      const what = 'it is a TorchScript archive, which is not supported yet; save the state_dict with torch.save';
      this.fail('UNSUPPORTED_FORMAT', what);
    }
    return root;
  }

  private async checkWords(directory: ZipDirectory, root: string): Promise<void> {
    const order = await this.readWord(directory, `${root}byteorder`);
    if (order === 'big') {
      this.fail('BIG_ENDIAN', 'its byteorder is big, and only little-endian files are read; save it on such a machine');
    }
    if (order !== null && order !== 'little') this.fail('ZIP_INVALID', `its byteorder is ${quote(order)}`);
    const version =
      (await this.readWord(directory, `${root}version`)) ?? (await this.readWord(directory, `${root}.data/version`));
    if (version === null) return;
    if (!/^\d{1,9}$/.test(version)) this.fail('ZIP_INVALID', `its version is ${quote(version)}`);
    if (Number(version) > HIGHEST_VERSION) {
      this.fail('UNSUPPORTED_FORMAT', `it has version ${version} of the format; up to ${HIGHEST_VERSION} are read`);
    }
  }

  private async readWord(directory: ZipDirectory, name: string): Promise<string | null> {
    const entry = directory.get(name);
    if (entry === undefined) return null;
    if (entry.size > WORD_BYTES)
      this.fail('ZIP_INVALID', `member ${quote(name)} has ${entry.size} bytes; expected a word`);
    return (await this.readMember(directory, name)).toString('latin1').trim();
  }

  private async readMember(directory: ZipDirectory, name: string): Promise<Buffer> {
    const { signal, checksums } = this.options;
    const entry = directory.get(name);
    if (entry === undefined) return this.fail('ZIP_INVALID', `it has no member ${quote(name)}`);
    const member = await ZipMember.find(directory, entry, signal);
    const bytes = Buffer.allocUnsafeSlow(entry.size);
    await member.readInto(bytes, 0, signal);
    if (checksums) await member.checkSum(signal);
    return bytes;
  }

  private async readPickle(directory: ZipDirectory, name: string, forbidden: Set<string> | null): Promise<PickleValue> {
    const size = directory.get(name)?.size ?? 0;
    if (size > this.limits.headerBytes) {
      this.fail('PICKLE_TOO_LARGE', `its pickle has ${size} bytes; at most ${this.limits.headerBytes}`);
    }
    const bytes = await this.readMember(directory, name);
    const steps = unpickle(bytes, (fail) => new TorchObjects(fail, forbidden), {
      file: this.file.path,
      limits: this.limits,
    });
    for (;;) {
      const step = steps.next();
      if (step.done) {
        if (step.value.end < bytes.byteLength) this.fail('PICKLE_INVALID', 'something follows its pickle');
        return step.value.value;
      }
      await nextTurn();
      throwIfAborted(this.options.signal);
    }
  }

  /** Finds the content of every storage that a tensor names. */
  private async findMembers(
    directory: ZipDirectory,
    root: string,
    tensors: ReadonlyMap<string, PickledTensor>,
  ): Promise<void> {
    const { signal, checksums } = this.options;
    const wanted = new Map<string, string>();
    for (const [name, { storage }] of tensors) if (!wanted.has(storage.key)) wanted.set(storage.key, name);
    const queue = wanted.entries();
    const work = async () => {
      for (const [key, tensor] of queue) {
        const entry = directory.get(`${root}data/${key}`);
        if (entry === undefined) {
          this.fail('STORAGE_MISSING', `it has no storage ${quote(key)}, which tensor ${quote(tensor)} names`, tensor);
        }
        const member = await ZipMember.find(directory, entry as NonNullable<typeof entry>, signal);
        if (checksums) await member.checkSum(signal);
        this.members.set(key, member);
      }
    };
    const results = await Promise.allSettled(Array.from({ length: FIND_AT_ONCE }, work));
    const rejected = results.find((result) => result.status === 'rejected');
    if (rejected !== undefined) throw rejected.reason;
  }

  private place(name: string, tensor: PickledTensor): PlacedTensor {
    const { storage, dtype, shape } = tensor;
    const member = this.members.get(storage.key) as ZipMember;
    const bytes = storage.elements * (storage.dtype === null ? 1 : bitsOf(storage.dtype) / 8);
    if (bytes !== member.entry.size) {
      this.fail(
        'SIZE_MISMATCH',
        `storage ${quote(storage.key)} of tensor ${quote(name)} has ${member.entry.size} bytes; its pickle says ${bytes}`,
        name,
      );
    }
    return { dtype, shape, extent: extentOf(name, tensor, bytes, this.limits, this.fail), member };
  }
}
