import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { copyOver } from '../checkpoint/carry-over';
import { writeWhole } from '../checkpoint/staged-file';
import { type FolderContents, saveFolder } from '../checkpoint/staged-folder';
import { isStaleWeights, type WeightsPlan, writeWeights } from '../checkpoint/weights-files';
import { inTurns, type Steps, visitInSteps } from '../turns';
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

/** What a rewrite is made of. */
export interface RewriteParts {
  /** The folder that the old weights are in. */
  folder: string;
  /** The one that holds the result, the same or a new one. */
  target: string;
  plan: WeightsPlan;
  /** Files that the new weights replace. */
  oldNames: ReadonlySet<string>;
  /** Files that are written beside the weights. */
  texts: ReadonlyMap<string, string>;
  /** Which of the folder's other files go along into a new one; default all. */
  goesAlong?: ((name: string) => boolean) | undefined;
  /** Is called once all are read: throws when they were not what they seemed. */
  verify: () => Promise<void>;
  signal: AbortSignal | undefined;
}

/** Weights in other files, with the other files of their folder as they were. */
export class FolderRewrite implements FolderContents {
  private readonly inPlace: boolean;

  constructor(private readonly parts: RewriteParts) {
    this.inPlace = parts.target === parts.folder;
  }

  /** The old weights go, also where the format changes; so does what would win over the new ones at the next load. */
  isStale(name: string, written: ReadonlySet<string>): boolean {
    const { oldNames, plan } = this.parts;
    return !written.has(name) && (oldNames.has(name) || isStaleWeights(name, plan.layout, written));
  }

  async write(folder: string): Promise<string[]> {
    const { plan, texts, verify, signal } = this.parts;
    const names = await writeWeights(folder, plan, { signal });
    await verify();
    for (const [name, text] of texts) {
      await writeWhole(join(folder, name), Buffer.from(text), signal);
      names.push(name);
    }
    if (!this.inPlace) {
      const written = new Set(names);
      names.push(...(await copyOver(this.parts.folder, folder, (name) => this.isKept(name, written), signal)));
    }
    return names;
  }

  private isKept(name: string, written: ReadonlySet<string>): boolean {
    const { goesAlong } = this.parts;
    return !written.has(name) && !this.isStale(name, written) && (this.inPlace || (goesAlong?.(name) ?? true));
  }

  async run(): Promise<void> {
    await saveFolder(this.parts.target, this, folderSystem, this.parts.signal);
  }

  async report(): Promise<RewriteReport> {
    const { folder, target, plan, texts, signal } = this.parts;
    const { index } = plan;
    const written = await inTurns(this.written(), signal);
    const all = [...(index ? [[index.name, index.text] as const] : []), ...texts];
    for (const [file, text] of all) written.push({ file, tensors: 0, bytes: Buffer.byteLength(text) });
    const names = new Set(written.map(({ file }) => file));
    const there = (await readdir(folder)).sort();
    return {
      target,
      dtypes: await inTurns(this.dtypes(), signal),
      written,
      removed: this.inPlace ? there.filter((name) => this.isStale(name, names)) : [],
      kept: there.filter((name) => this.isKept(name, names)),
    };
  }

  private *written(): Steps<RewriteReport['written']> {
    const written: RewriteReport['written'] = [];
    for (const { name, weights } of this.parts.plan.files) {
      let bytes = 0;
      yield* visitInSteps(weights, ({ byteLength }) => {
        bytes += byteLength;
      });
      written.push({ file: name, tensors: weights.length, bytes });
    }
    return written;
  }

  private *dtypes(): Steps<RewriteReport['dtypes']> {
    const rows = new Map<string, RewriteReport['dtypes'][0]>();
    for (const { weights } of this.parts.plan.files)
      yield* visitInSteps(weights, (weight) => {
        const { dtype: to, byteLength, stored } = weight as RewrittenWeight;
        const key = `${stored.dtype} ${to}`;
        const row = rows.get(key) ?? { from: stored.dtype, to, tensors: 0, bytesBefore: 0, bytesAfter: 0 };
        row.tensors++;
        row.bytesBefore += stored.byteLength;
        row.bytesAfter += byteLength;
        rows.set(key, row);
      });
    return [...rows.values()];
  }
}
