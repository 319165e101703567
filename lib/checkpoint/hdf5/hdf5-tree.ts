/** Walks the groups of a file: every dataset by its path, and what groups say of themselves. */
import { quote } from '../fault';
import type { HeaderLimits } from '../header-limits';
import type { AttributeValue } from './attribute';
import { readAttributes } from './attributes';
import { type Dataset, type Refusal, readDataset } from './dataset';
import { GlobalHeaps } from './global-heap';
import { isGroup, type Link, readLinks } from './group';
import type { MetadataReader, Reading } from './metadata-reader';
import { MESSAGE, type ObjectHeader, readObjectHeader } from './object-header';

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

export function* readTree(
  reader: MetadataReader,
  root: number,
  limits: HeaderLimits,
  refuse: Refuse,
): Reading<Hdf5Tree> {
  const walk = new Walk(reader, limits, refuse);
  yield* walk.group('', yield* readObjectHeader(reader, root), 0);
  walk.followSoftLinks();
  return walk.tree;
}

class Walk {
  readonly tree: Hdf5Tree = { datasets: new Map(), groups: new Map(), others: new Set() };
  private readonly heaps: GlobalHeaps;
  private readonly seen = new Set<number>();
  private readonly softLinks: [path: string, target: string][] = [];
  private pathBytes = 0;

  constructor(
    private readonly reader: MetadataReader,
    private readonly limits: HeaderLimits,
    private readonly refuse: Refuse,
  ) {
    this.heaps = new GlobalHeaps(reader);
  }

  *group(path: string, header: ObjectHeader, depth: number): Reading<void> {
    const { reader, limits, tree } = this;
    if (!isGroup(header)) throw reader.fail('H5_INVALID', 'its root is no group', header.address);
    if (depth > limits.depth) {
      throw reader.fail('H5_TOO_LARGE', `its groups are more than ${limits.depth} deep`, header.address);
    }
    this.seen.add(header.address);
    tree.groups.set(path, yield* readAttributes(reader, header, this.heaps, limits));
    const links = yield* readLinks(reader, header, limits.tensors);
    this.checkNames(path, links, header.address);
    for (const link of links) yield* this.child(path, link, depth);
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

  private checkNames(path: string, links: readonly Link[], address: number): void {
    if (links.length < 2) return;
    const names = new Set<string>();
    for (const { name } of links) {
      if (names.size < names.add(name).size) continue;
      throw this.reader.fail('DUPLICATE_NAME', `group ${quote(path)} has two links called ${quote(name)}`, address);
    }
  }

  private *child(parent: string, link: Link, depth: number): Reading<void> {
    const { reader, limits, tree, refuse } = this;
    const path = parent === '' ? link.name : `${parent}/${link.name}`;
    this.countPath(path);
    if (link.kind === 'hard') yield* this.object(path, yield* readObjectHeader(reader, link.address), depth);
    else if (link.kind === 'external')
      refuse(path, { code: 'H5_EXTERNAL_REFUSED', what: `leads into another file, ${quote(link.path)}` });
    else {
      const target = link.path.startsWith('/') ? link.path : `${parent}/${link.path}`;
      const parts = target.split('/').filter((part) => part !== '' && part !== '.');
      this.softLinks.push([path, parts.join('/')]);
    }
    if (tree.datasets.size + tree.groups.size + tree.others.size + this.softLinks.length > limits.tensors)
      throw reader.fail('TOO_MANY_TENSORS', `it holds more than ${limits.tensors} objects`);
  }

  private *object(path: string, header: ObjectHeader, depth: number): Reading<void> {
    const { reader, limits, tree } = this;
    if (this.seen.has(header.address)) tree.others.add(path);
    else if (isGroup(header)) yield* this.group(path, header, depth + 1);
    else if (header.find(MESSAGE.layout) || header.find(MESSAGE.externalFiles)) {
      const found = yield* readDataset(reader, header, limits);
      if (found === null) tree.others.add(path);
      else if ('code' in found) this.refuse(path, found);
      else tree.datasets.set(path, found);
    } else tree.others.add(path);
  }

  /** The long name of a group stands in the paths of all that it holds. */
  private countPath(path: string): void {
    const { reader, limits } = this;
    const bytes = Buffer.byteLength(path);
    if (bytes > limits.nameBytes)
      throw reader.fail('NAME_TOO_LONG', `${quote(path)} has more than ${limits.nameBytes} bytes`);
    this.pathBytes += bytes;
    if (this.pathBytes > limits.headerBytes)
      throw reader.fail('H5_TOO_LARGE', `its paths have more than ${limits.headerBytes} bytes together`);
  }
}
