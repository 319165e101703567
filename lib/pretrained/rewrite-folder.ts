import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { copyOver } from '../checkpoint/carry-over';
import { writeWhole } from '../checkpoint/staged-file';
import { type FolderContents, saveFolder } from '../checkpoint/staged-folder';
import { isStaleWeights, type WeightsPlan, writeWeights } from '../checkpoint/weights-files';
import { folderSystem } from './interrupted-save';
import type { RewrittenWeight } from './rewrite-weights';

/** What a rewrite changes, or would change. */
export interface RewriteReport {
  /** The folder that holds the result. */
  target: string;
  /** Types before and after, where they differ or not: tensors and their bytes. */
  dtypes: { from: string; to: string; tensors: number; bytesBefore: number; bytesAfter: number }[];
  /** Files that are written, with the bytes of their tensors. */
  written: { file: string; tensors: number; bytes: number }[];
  removed: string[];
  /** Files that the result has as they were. */
  kept: string[];
}

/** Weights in other files, with all other files of their folder as they were. */
export class FolderRewrite implements FolderContents {
  private readonly inPlace: boolean;

  /**
   * @param folder - the one with the old weights; null where they lie in a file alone
   * @param target - the one that holds the result, the same or a new one
   * @param oldNames - files that the new weights replace
   * @param texts - files that are written beside the weights
   * @param verify - is called once all are read: throws when they were not what they seemed
   */
  constructor(
    private readonly folder: string | null,
    private readonly target: string,
    private readonly plan: WeightsPlan,
    private readonly oldNames: ReadonlySet<string>,
    private readonly texts: ReadonlyMap<string, string>,
    private readonly verify: () => Promise<void>,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.inPlace = target === folder;
  }

  /** The old weights go, also where the format changes; so does what would win over the new ones at the next load. */
  isStale(name: string, written: ReadonlySet<string>): boolean {
    return !written.has(name) && (this.oldNames.has(name) || isStaleWeights(name, this.plan.layout, written));
  }

  async write(folder: string): Promise<string[]> {
    const { plan, signal } = this;
    const names = await writeWeights(folder, plan, { signal });
    await this.verify();
    for (const [name, text] of this.texts) {
      await writeWhole(join(folder, name), Buffer.from(text), signal);
      names.push(name);
    }
    if (!this.inPlace && this.folder !== null) {
      const written = new Set(names);
      const isKept = (name: string) => !written.has(name) && !this.isStale(name, written);
      names.push(...(await copyOver(this.folder, folder, isKept, signal)));
    }
    return names;
  }

  async run(): Promise<void> {
    await saveFolder(this.target, this, folderSystem, this.signal);
  }

  async report(): Promise<RewriteReport> {
    const { index, files } = this.plan;
    const written = files.map(({ name, weights }) => ({
      file: name,
      tensors: weights.length,
      bytes: weights.reduce((n, weight) => n + weight.byteLength, 0),
    }));
    const texts = [...(index ? [[index.name, index.text] as const] : []), ...this.texts];
    for (const [file, text] of texts) written.push({ file, tensors: 0, bytes: Buffer.byteLength(text) });
    const names = new Set(written.map(({ file }) => file));
    const there = this.folder === null ? [] : (await readdir(this.folder)).sort();
    return {
      target: this.target,
      dtypes: this.dtypes(),
      written,
      removed: this.inPlace ? there.filter((name) => this.isStale(name, names)) : [],
      kept: there.filter((name) => !names.has(name) && !this.isStale(name, names)),
    };
  }

  private dtypes(): RewriteReport['dtypes'] {
    const rows = new Map<string, RewriteReport['dtypes'][0]>();
    for (const weight of this.plan.files.flatMap((file) => file.weights)) {
      const { dtype: to, byteLength, stored } = weight as RewrittenWeight;
      const key = `${stored.dtype} ${to}`;
      const row = rows.get(key) ?? { from: stored.dtype, to, tensors: 0, bytesBefore: 0, bytesAfter: 0 };
      row.tensors++;
      row.bytesBefore += stored.byteLength;
      row.bytesAfter += byteLength;
      rows.set(key, row);
    }
    return [...rows.values()];
  }
}
