import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../../lib/jobs/finish';
import { type JobResult, runJob } from '../../lib/jobs/job';
import type { JobOptions } from '../../lib/jobs/options';
import { fakeEmbedder, formatRows } from './fake-model.cjs';

/** A folder of its own for one test. */
export class Workplace {
  readonly path = mkdtempSync(join(tmpdir(), 'jobs-'));

  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  get out(): string {
    return join(this.path, 'out');
  }

  read(name: string): string {
    return readFileSync(join(this.out, name), 'utf8');
  }

  bytes(name: string): Buffer {
    return readFileSync(join(this.out, name));
  }

  manifest(): Manifest {
    return JSON.parse(this.read('manifest.json'));
  }

  /** All rows of a JSONL result, in the order of the manifest. */
  rows(): Record<string, unknown>[] {
    return this.manifest().parts.flatMap(({ file }) => jsonLines(this.read(file)));
  }

  /** All failed rows, in order. */
  errors(): { row: number; id: unknown; code: string; message: string }[] {
    const names = readdirSync(join(this.out, 'errors')).sort();
    return names.flatMap((name) => jsonLines(this.read(`errors/${name}`))) as never;
  }

  names(folder: 'parts' | 'errors' | '.'): string[] {
    return readdirSync(join(this.out, folder)).sort();
  }

  job(options: Partial<JobOptions>): Promise<JobResult> {
    return runJob({ model: fakeEmbedder(), inputs: [], output: this.out, formatRows, ...options });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** `count` JSON lines with an id and a text of mixed length. */
export function sampleLines(count: number): string {
  let text = '';
  for (let row = 0; row < count; row++) text += `${JSON.stringify({ id: `r${row}`, text: sampleText(row) })}\n`;
  return text;
}

export function sampleText(row: number): string {
  return `row ${row}${' word'.repeat((row * 7919) % 40)}`;
}
