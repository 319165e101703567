/** Walks the groups of a file: every dataset by its path, and what groups say of themselves. */
import { quote } from '../fault';
import type { HeaderLimits } from '../header-limits';
import type { AttributeValue } from './attribute';
import { readAttributes } from './attributes';
import { type Dataset, type Refusal, readDataset } from './dataset';
import { GlobalHeaps } from './global-heap';
import { isGroup, type Link, readLinks } from './group';
import type { MetadataReader } from './metadata-reader';
import { MESSAGE, type ObjectHeader, readObjectHeader } from './object-header';

/** Headers that are read at the same time. */
const AT_ONCE = 64;
/** Groups that are read before the walk comes to them. */
const MOST_AHEAD = 256;

/** What a file holds. Paths have no slash in front; the root's is empty. */
export interface Hdf5Tree {
  datasets: Map<string, Dataset>;
  /** The attributes of each group. */
  groups: Map<string, ReadonlyMap<string, AttributeValue>>;
  /** Paths of what is no weight: texts, types, a second name of a group. */
  others: Set<string>;
}

/** What is done with something that a load refuses: an error, or a note. */
export type Refuse = (path: string, refusal: Refusal) => void;

export async function readTree(
  reader: MetadataReader,
  root: number,
  limits: HeaderLimits,
  refuse: Refuse,
): Promise<Hdf5Tree> {
  const walk = new Walk(reader, limits, refuse);
  await walk.group('', await readObjectHeader(reader, root), 0);
  walk.followSoftLinks();
  return walk.tree;
}

/** A link of a group, and where it leads. */
interface Child {
  link: Link;
  /** Null for links that lead to a path. */
  header: ObjectHeader | null;
}

class Walk {
  readonly tree: Hdf5Tree = { datasets: new Map(), groups: new Map(), others: new Set() };
  private readonly heaps: GlobalHeaps;
  private readonly seen = new Set<number>();
  private readonly ahead = new Map<number, Promise<Child[]>>();
  private readonly softLinks: [path: string, target: string][] = [];
  private pathBytes = 0;

  constructor(
    private readonly reader: MetadataReader,
    private readonly limits: HeaderLimits,
    private readonly refuse: Refuse,
  ) {
    this.heaps = new GlobalHeaps(reader);
  }

  async group(path: string, header: ObjectHeader, depth: number): Promise<void> {
    const { reader, limits, tree } = this;
    if (!isGroup(header)) throw reader.fail('H5_INVALID', 'its root is no group', header.address);
    if (depth > limits.depth) {
      throw reader.fail('H5_TOO_LARGE', `its groups are more than ${limits.depth} deep`, header.address);
    }
    this.seen.add(header.address);
    tree.groups.set(path, await readAttributes(reader, header, this.heaps, limits));
    const children = await this.childrenOf(header);
    const names = new Set<string>();
    for (const { link } of children) {
      if (names.size === names.add(link.name).size)
        throw reader.fail(
          'DUPLICATE_NAME',
          `group ${quote(path)} has two links called ${quote(link.name)}`,
          header.address,
        );
    }
    for (const { link, header: inner } of children) await this.child(path, link, inner, depth);
    this.ahead.delete(header.address);
  }

  /**
   * The links of a group with the headers that they lead to, read once. The groups among them are read at the same time, and
   * those in these; they are walked in order.
   */
  private childrenOf(header: ObjectHeader): Promise<Child[]> {
    let children = this.ahead.get(header.address);
    if (children === undefined) {
      children = this.readChildren(header);
      this.ahead.set(header.address, children);
    }
    return children;
  }

  private async readChildren(header: ObjectHeader): Promise<Child[]> {
    const { reader, limits } = this;
    const links = await readLinks(reader, header, limits.tensors);
    const children: Child[] = [];
    for (let first = 0; first < links.length; first += AT_ONCE) {
      const some = links.slice(first, first + AT_ONCE).map(async (link) => ({
        link,
        header: link.kind === 'hard' ? await readObjectHeader(reader, link.address) : null,
      }));
      children.push(...(await all(some)));
    }
    for (const { header: inner } of children) {
      if (this.ahead.size >= MOST_AHEAD) break;
      if (inner && isGroup(inner) && !this.seen.has(inner.address)) this.childrenOf(inner).catch(() => {});
    }
    return children;
  }

  /** Soft links lead to what has been found under another path, or out of what this file holds. */
  followSoftLinks(): void {
    const { datasets, groups, others } = this.tree;
    for (const [path, target] of this.softLinks) {
      const dataset = datasets.get(target);
      if (dataset) datasets.set(path, dataset);
      else if (groups.has(target) || others.has(target)) others.add(path);
      else
        this.refuse(path, {
          code: 'H5_EXTERNAL_REFUSED',
          what: `leads to ${quote(target)}, which the file does not hold`,
        });
    }
  }

  private async child(parent: string, link: Link, header: ObjectHeader | null, depth: number): Promise<void> {
    const { reader, limits, tree, refuse } = this;
    const path = parent === '' ? link.name : `${parent}/${link.name}`;
    const bytes = Buffer.byteLength(path);
    if (bytes > limits.nameBytes)
      throw reader.fail('NAME_TOO_LONG', `${quote(path)} has more than ${limits.nameBytes} bytes`);
    // The long name of a group stands in the paths of all that it holds.
    this.pathBytes += bytes;
    if (this.pathBytes > limits.headerBytes)
      throw reader.fail('H5_TOO_LARGE', `its paths have more than ${limits.headerBytes} bytes together`);
    if (link.kind === 'external') {
      refuse(path, { code: 'H5_EXTERNAL_REFUSED', what: `leads into another file, ${quote(link.path)}` });
    } else if (link.kind === 'soft') {
      const target = link.path.startsWith('/') ? link.path : `${parent}/${link.path}`;
      this.softLinks.push([
        path,
        target
          .split('/')
          .filter((part) => part !== '' && part !== '.')
          .join('/'),
      ]);
    } else if (header === null || this.seen.has(header.address)) {
      tree.others.add(path);
    } else if (isGroup(header)) {
      await this.group(path, header, depth + 1);
    } else if (header.find(MESSAGE.layout) || header.find(MESSAGE.externalFiles)) {
      this.add(path, await this.datasetOf(header), refuse);
    } else {
      tree.others.add(path);
    }
    if (tree.datasets.size + tree.groups.size + tree.others.size + this.softLinks.length > limits.tensors)
      throw reader.fail('TOO_MANY_TENSORS', `it holds more than ${limits.tensors} objects`);
  }

  private datasetOf(header: ObjectHeader): Promise<Dataset | Refusal | null> {
    return readDataset(this.reader, header, this.limits);
  }

  private add(path: string, found: Dataset | Refusal | null, refuse: Refuse): void {
    if (found === null) this.tree.others.add(path);
    else if ('code' in found) refuse(path, found);
    else this.tree.datasets.set(path, found);
  }
}

/** Every result, or the first error once nothing is under way any more. */
async function all<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
