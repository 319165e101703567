/** Where a file is not in memory, what its groups hold is read before the walk comes there: many pages at the same time. */
import { isGroup, type Link, readLinks } from './group';
import type { MetadataReader, Reading } from './metadata-reader';
import { readObjectHeader } from './object-header';

/** Objects that are looked at ahead of the walk at the same time. */
const MOST = 32;

export class Scouts {
  private out = 0;
  private readonly sent = new Set<number>();

  constructor(
    private readonly reader: MetadataReader,
    private readonly mostLinks: number,
  ) {}

  /** Begins to look at what links lead to, from one of them on, and at what lies below it. Errors are left to the walk. */
  send(links: readonly Link[], begin = 0): void {
    for (let i = begin; i < links.length && this.out < MOST; i++) {
      const link = links[i] as Link;
      if (link.kind !== 'hard' || this.sent.size === this.sent.add(link.address).size) continue;
      this.out++;
      void this.look(link.address);
    }
  }

  private async look(address: number): Promise<void> {
    const reader = this.reader.beside();
    try {
      const links = await reader.run(this.linksAt(reader, address));
      this.out--;
      this.send(links);
    } catch {
      this.out--;
    }
  }

  private *linksAt(reader: MetadataReader, address: number): Reading<readonly Link[]> {
    const header = yield* reader.patiently(() => readObjectHeader(reader, address));
    return isGroup(header) ? yield* readLinks(reader, header, this.mostLinks) : [];
  }
}
