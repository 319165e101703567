/**
 * Files that are almost right, from seeds. CHECKPOINT_FUZZ_RUNS sets how many (default 15,000) and CHECKPOINT_FUZZ_SEED
 * where to start: `CHECKPOINT_FUZZ_RUNS=5000000 npx jest test/checkpoint/fuzz --testTimeout=100000000`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bitsOf } from '../../lib/checkpoint/dtype';
import { CHECKPOINT_FAULTS } from '../../lib/checkpoint/fault';
import { parseIndex, shardFiles } from '../../lib/checkpoint/index-file';
import { openSafetensors } from '../../lib/checkpoint/safetensors';
import { parseHeader, type SafetensorsHeader } from '../../lib/checkpoint/safetensors-header';
import { writeSafetensors } from '../../lib/checkpoint/safetensors-writer';
import { unsafeNameReason } from '../../lib/checkpoint/shard-name';
import { mutant, seededRandom } from './mutant';
import { scratchFolder } from './scratch';

const RUNS = Number(process.env.CHECKPOINT_FUZZ_RUNS ?? 15_000);
const FIRST = Number(process.env.CHECKPOINT_FUZZ_SEED ?? 1);
const folder = scratchFolder();

/** The header, or null when the file was refused in the way that every refusal must have. */
function parsed(seed: number): SafetensorsHeader | null {
  const bytes = mutant(seed);
  try {
    return parseHeader(bytes, bytes.byteLength);
  } catch (error) {
    const { code, constructor } = error as { code: string; constructor: { name: string } };
    if (constructor.name === 'CheckpointError' && code in CHECKPOINT_FAULTS) return null;
    throw new Error(`file of seed ${seed} ended in another error`, { cause: error });
  }
}

/** Fails unless the tensors of the header cover the data exactly and have the sizes of their shapes. */
function checkClaims(header: SafetensorsHeader, seed: number): void {
  let covered = 0;
  for (const name of header.tensors.names()) {
    const row = header.tensors.get(name);
    if (!row || row.begin !== covered) throw new Error(`seed ${seed}: ${name} is not where the last tensor ended`);
    const bits = row.shape.reduce((product, dim) => product * dim, bitsOf(row.dtype));
    if (bits !== (row.end - row.begin) * 8) throw new Error(`seed ${seed}: ${name} has another size than its shape`);
    covered = row.end;
  }
  if (header.dataStart + covered !== mutant(seed).byteLength) throw new Error(`seed ${seed}: data is left over`);
}

describe('files that are almost right', () => {
  it('are read with every claim true, or refused with a code', () => {
    const before = process.memoryUsage().rss;
    let accepted = 0;
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
      const header = parsed(seed);
      if (header === null) continue;
      accepted++;
      checkClaims(header, seed);
    }
    expect(accepted).toBeGreaterThan(RUNS / 10);
    expect(accepted).toBeLessThan(RUNS / 2);
    expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
  });

  it('come back from our writer with equal tensors', async () => {
    for (let seed = FIRST, done = 0; done < 25; seed++) {
      const header = parsed(seed);
      if (header === null) continue;
      done++;
      const path = join(folder, 'in.safetensors');
      writeFileSync(path, mutant(seed));
      await using source = await openSafetensors(path);
      const tensors = source.names().map((name) => ({ name, ...source.info(name), bytes: () => source.read(name) }));
      await writeSafetensors(join(folder, 'out.safetensors'), tensors, {
        metadata: Object.fromEntries(source.metadata),
      });
      await using copy = await openSafetensors(join(folder, 'out.safetensors'));
      expect([...copy.names()].sort()).toEqual([...source.names()].sort());
      for (const name of source.names()) {
        const { dtype, shape } = source.info(name);
        expect(copy.info(name)).toMatchObject({ dtype, shape });
        expect(Buffer.from(await copy.read(name)).equals(Buffer.from(await source.read(name)))).toBe(true);
      }
    }
  });

  it('as indexes give safe names, or are refused with a code', () => {
    const pieces = [
      '{',
      '}',
      '"',
      ':',
      ',',
      '[',
      '../',
      '\\u002e',
      '%2e',
      '/',
      '\\',
      '\0',
      '1',
      'null',
      ' ',
      'é',
      '"a":"b",',
    ];
    const text = '{"metadata":{"total_size":8},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}';
    let accepted = 0;
    const runs = Math.ceil(RUNS / 4);
    for (let seed = FIRST; seed < FIRST + runs; seed++) {
      const random = seededRandom(seed);
      let mutated = text;
      for (let i = 0; i <= random() * 3; i++) {
        const at = Math.floor(random() * (mutated.length + 1));
        const piece = random() < 0.7 ? (pieces[Math.floor(random() * pieces.length)] as string) : '';
        mutated = mutated.slice(0, at) + piece + mutated.slice(at + Math.floor(random() * 3));
      }
      try {
        const files = shardFiles(parseIndex(Buffer.from(mutated), 'i'));
        if (files.some((name) => unsafeNameReason(name) !== null))
          throw new Error(`seed ${seed}: an unsafe name passed`);
        accepted++;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === undefined || !(code in CHECKPOINT_FAULTS)) throw error;
      }
    }
    expect(accepted).toBeGreaterThan(runs / 20);
  });
});
