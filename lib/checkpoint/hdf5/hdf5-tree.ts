/** Walks the groups of a file: every dataset by its path, and what groups say of themselves. */
import { quote } from '../fault';
import type { HeaderLimits } from '../header-limits';
import type { AttributeValue } from './attribute';
import { hasAttributes, readAttributes } from './attributes';
import { type Dataset, type Refusal, readDataset } from './dataset';
import { GlobalHeaps } from './global-heap';
import { isGroup, type Link, readLinks } from './group';
import type { MetadataReader, Reading } from './metadata-reader';
import { MESSAGE, type ObjectHeader, readObjectHeader } from './object-header';
import { Scouts } from './scouts';

/** What a file holds. Paths have no slash in front; the root's is empty. */
export interface Hdf5Tree {
  datasets: Map<string, Dataset>;
  /** The attributes of each group. */
  groups: Map<string, ReadonlyMap<string, AttributeValue>>;
  /** Paths of what is no weight: texts, types, a second name of a group. */
  others: Set<string>;
}

/** What groups without attributes share: most have none. */
const NONE: ReadonlyMap<string, AttributeValue> = new Map();

/** What is done with something that a load refuses: an error, or a note. */
export type Refuse = (path: string, refusal: Refusal) => void;

export function* readTree(
  reader: MetadataReader,
  root: number,
  limits: HeaderLimits,
  refuse: Refuse,
): Reading<Hdf5Tree> {
  const walk = new Walk(reader, limits, refuse);
  yield* walk.group('', yield* reader.patiently(() => readObjectHeader(reader, root)), 0);
  walk.followSoftLinks();
  return walk.tree;
}

class Walk {
  readonly tree: Hdf5Tree = { datasets: new Map(), groups: new Map(), others: new Set() };
  private readonly heaps: GlobalHeaps;
  private readonly scouts: Scouts;
  private readonly seen = new Set<number>();
  private readonly softLinks: [path: string, target: string][] = [];
  private pathBytes = 0;

  constructor(
    private readonly reader: MetadataReader,
    private readonly limits: HeaderLimits,
    private readonly refuse: Refuse,
  ) {
    this.heaps = new GlobalHeaps(reader);
    this.scouts = new Scouts(reader, limits.tensors);
  }

  *group(path: string, header: ObjectHeader, depth: number): Reading<void> {
    const { reader, limits, tree } = this;
    if (!isGroup(header)) throw reader.fail('H5_INVALID', 'its root is no group', header.address);
    if (depth > limits.depth) {
      throw reader.fail('H5_TOO_LARGE', `its groups are more than ${limits.depth} deep`, header.address);
    }
    this.seen.add(header.address);
    tree.groups.set(path, hasAttributes(header) ? yield* readAttributes(reader, header, this.heaps, limits) : NONE);
    const links = yield* readLinks(reader, header, limits.tensors);
    this.checkNames(path, links, header.address);
    for (let i = 0; i < links.length; i++) {
      const link = links[i] as Link;
      if (reader.isLate) this.scouts.send(links, i);
      const child = yield* reader.patiently(() => this.follow(path, link));
      if (child) yield* this.group(pathIn(path, link), child, depth + 1);
    }
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

  /** What a link leads to, as a piece of work. @returns the header of a group that is still to be walked */
  private follow(parent: string, link: Link): ObjectHeader | null {
    const path = pathIn(parent, link);
    if (link.kind !== 'hard') {
      this.count(path);
      this.otherLink(parent, path, link);
      return null;
    }
    const header = readObjectHeader(this.reader, link.address);
    const found = isDataset(header) ? readDataset(this.reader, header, this.limits) : null;
    // Nothing more has to be read: from here on, what is done is done once.
    this.count(path);
    if (isGroup(header) && !this.seen.has(header.address)) return header;
    this.add(path, found);
    return null;
  }

  private add(path: string, found: Dataset | Refusal | null): void {
    if (found === null) this.tree.others.add(path);
    else if ('code' in found) this.refuse(path, found);
    else this.tree.datasets.set(path, found);
  }

  private otherLink(parent: string, path: string, link: Exclude<Link, { kind: 'hard' }>): void {
    if (link.kind === 'external') {
      this.refuse(path, { code: 'H5_EXTERNAL_REFUSED', what: `leads into another file, ${quote(link.path)}` });
      return;
    }
    const target = link.path.startsWith('/') ? link.path : `${parent}/${link.path}`;
    const parts = target.split('/').filter((part) => part !== '' && part !== '.');
    this.softLinks.push([path, parts.join('/')]);
  }

  /** Puts an object on the account before it is added. The long name of a group stands in the paths of all that it holds. */
  private count(path: string): void {
    const { reader, limits, softLinks } = this;
    const { datasets, groups, others } = this.tree;
    const bytes = Buffer.byteLength(path);
    if (bytes > limits.nameBytes)
      throw reader.fail('NAME_TOO_LONG', `${quote(path)} has more than ${limits.nameBytes} bytes`);
    this.pathBytes += bytes;
    if (this.pathBytes > limits.headerBytes)
      throw reader.fail('H5_TOO_LARGE', `its paths have more than ${limits.headerBytes} bytes together`);
    if (datasets.size + groups.size + others.size + softLinks.length >= limits.tensors)
      throw reader.fail('TOO_MANY_TENSORS', `it holds more than ${limits.tensors} objects`);
  }
}

function isDataset(header: ObjectHeader): boolean {
  return !isGroup(header) && (header.has(MESSAGE.layout) || header.has(MESSAGE.externalFiles));
}

function pathIn(parent: string, { name }: Link): string {
  return parent === '' ? name : `${parent}/${name}`;
}
