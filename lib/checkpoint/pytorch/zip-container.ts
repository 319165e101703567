/** PyTorch's files in zip form (torch 1.6 and later), TorchScript's archives among them, of which the code is never read. */
import { quote } from '../fault';
import type { Container, Opening } from './container';
import { runPickle } from './pickle-file';
import type { PickleValue } from './pickle-values';
import type { StorageBytes } from './storage-bytes';
import { TorchObjects } from './torch-objects';
import { ZipDirectory } from './zip-directory';
import { ZipMember } from './zip-member';

/** The version of the archive that PyTorch 2.13 can read. */
const HIGHEST_VERSION = 10;
/** Members such as `version` and `byteorder` hold a word. */
const WORD_BYTES = 64;
/** Local headers that are read at the same time. */
const FIND_AT_ONCE = 32;

export async function openZip(opening: Opening): Promise<Container> {
  const directory = await ZipDirectory.read(opening.file, opening.limits, opening.signal);
  return new ZipContainer(opening, directory).open();
}

class ZipContainer {
  /** The folder that holds everything, with its slash. */
  private readonly root: string;

  constructor(
    private readonly opening: Opening,
    private readonly directory: ZipDirectory,
  ) {
    this.root = this.findRoot();
  }

  async open(): Promise<Container> {
    await this.checkWords();
    const value = await this.readPickle(`${this.root}data.pkl`);
    return { value, storages: (wanted) => this.findMembers(wanted) };
  }

  private findRoot(): string {
    const { fail } = this.opening;
    const pickles = this.directory.names().filter((name) => name.endsWith('/data.pkl'));
    const roots = pickles.flatMap((name) => /^([^/]+\/)data\.pkl$/.exec(name)?.[1] ?? []);
    const [root] = roots;
    if (root === undefined) {
      return fail('UNKNOWN_FORMAT', 'it is a zip archive without a member data.pkl, not one that torch.save wrote');
    }
    if (roots.length > 1) fail('ZIP_DUPLICATE_NAME', `it holds data.pkl ${roots.length} times`);
    return root;
  }

  private async checkWords(): Promise<void> {
    const { root } = this;
    const { fail } = this.opening;
    const order = await this.readWord(`${root}byteorder`);
    if (order === 'big') {
      fail('BIG_ENDIAN', 'its byteorder is big, and only little-endian files are read; save it on such a machine');
    }
    if (order !== null && order !== 'little') fail('ZIP_INVALID', `its byteorder is ${quote(order)}`);
    const version = (await this.readWord(`${root}version`)) ?? (await this.readWord(`${root}.data/version`));
    if (version === null) return fail('ZIP_INVALID', 'it has no member version, which torch.save always writes');
    if (!/^\d{1,9}$/.test(version)) fail('ZIP_INVALID', `its version is ${quote(version)}`);
    if (Number(version) > HIGHEST_VERSION) {
      fail('UNSUPPORTED_FORMAT', `it has version ${version} of the format; up to ${HIGHEST_VERSION} are read`);
    }
  }

  private async readWord(name: string): Promise<string | null> {
    const entry = this.directory.get(name);
    if (entry === undefined) return null;
    if (entry.size > WORD_BYTES)
      this.opening.fail('ZIP_INVALID', `member ${quote(name)} has ${entry.size} bytes; expected a word`);
    return (await this.readMember(name)).toString('latin1').trim();
  }

  private async readMember(name: string): Promise<Buffer> {
    const { signal, checksums, fail } = this.opening;
    const entry = this.directory.get(name);
    if (entry === undefined) return fail('ZIP_INVALID', `it has no member ${quote(name)}`);
    const member = await ZipMember.find(this.directory, entry, signal);
    const bytes = Buffer.allocUnsafeSlow(entry.size);
    await member.readInto(bytes, 0, signal);
    if (checksums) await member.checkSum(signal);
    return bytes;
  }

  private async readPickle(name: string): Promise<PickleValue> {
    const { file, limits, fail, forbidden, signal } = this.opening;
    const size = this.directory.get(name)?.size ?? 0;
    if (size > limits.headerBytes) {
      fail('PICKLE_TOO_LARGE', `its pickle has ${size} bytes; at most ${limits.headerBytes}`);
    }
    const bytes = await this.readMember(name);
    const options = { file: file.path, limits, signal };
    const { value, end } = await runPickle(bytes, (wrong) => new TorchObjects(wrong, forbidden), options);
    if (end < bytes.byteLength) fail('PICKLE_INVALID', 'something follows its pickle');
    return value;
  }

  private async findMembers(wanted: ReadonlyMap<string, string>): Promise<ReadonlyMap<string, StorageBytes>> {
    const { signal, checksums, fail } = this.opening;
    const members = new Map<string, ZipMember>();
    const queue = wanted.entries();
    let failed = false;
    const work = async () => {
      for (const [key, tensor] of queue) {
        if (failed) return;
        const entry = this.directory.get(`${this.root}data/${key}`);
        if (entry === undefined) {
          const what = `it has no storage ${quote(key)}, which tensor ${quote(tensor)} names`;
          return fail('STORAGE_MISSING', what, tensor);
        }
        const found = ZipMember.find(this.directory, entry, signal);
        const member = found instanceof ZipMember ? found : await found;
        if (checksums) await member.checkSum(signal);
        members.set(key, member);
      }
    };
    const workers = Array.from({ length: FIND_AT_ONCE }, () =>
      work().catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    );
    const results = await Promise.allSettled(workers);
    const rejected = results.find((result) => result.status === 'rejected');
    if (rejected !== undefined) throw rejected.reason;
    return members;
  }
}
