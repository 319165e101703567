import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Hunt, hunt, readAlone } from './hunt';
import { writeFiles } from './judge';
import { memoryFolder } from './reader';
import { targetNamed, targets } from './targets';

const kHelp = `Reads mutated files through the public API and tells what goes wrong.

  node test/fuzz/main.cjs [--target NAME,…] [--seconds N] [--runs N] [--first SEED] [--processes N]
  node test/fuzz/main.cjs --target NAME --seed N [--keep FOLDER]     one input again; its files into FOLDER

  --seconds    of all targets together (default 60)
  --runs       inputs of each target, at most
  --first      the first seed (default 1); whatever is found is found again with it
  --processes  default: one for each core
  --list       names the targets
`;

/** Ends with 1 when something was found. */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      target: { type: 'string' },
      seed: { type: 'string' },
      keep: { type: 'string' },
      seconds: { type: 'string', default: '60' },
      runs: { type: 'string', default: String(2 ** 50) },
      first: { type: 'string', default: '1' },
      processes: { type: 'string', default: String(availableParallelism()) },
      list: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help || values.list) {
    console.log(values.help ? kHelp : targets.map(({ name, about }) => `${name.padEnd(18)} ${about}`).join('\n'));
    return 0;
  }
  const chosen = values.target?.split(',').map((name) => targetNamed(name).name) ?? targets.map(({ name }) => name);
  const folder = memoryFolder();
  try {
    if (values.seed !== undefined)
      return await replay(chosen[0] as string, whole('seed', values.seed), values.keep, folder);
    const hunts: Hunt[] = [];
    for (const target of chosen) {
      const found = await hunt({
        target,
        folder,
        first: whole('first', values.first),
        runs: whole('runs', values.runs),
        seconds: whole('seconds', values.seconds) / chosen.length,
        processes: whole('processes', values.processes),
      });
      hunts.push(found);
      describe(found);
    }
    const ran = hunts.reduce((sum, found) => sum + found.ran, 0);
    const findings = hunts.reduce((sum, found) => sum + found.findings.length, 0);
    console.log(`${ran} inputs from seed ${values.first} on, ${findings} findings`);
    return findings > 0 || hunts.some((found) => found.ran === 0) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function whole(name: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`--${name} must be a whole number, not '${text}'`);
}

async function replay(target: string, seed: number, keep: string | undefined, folder: string): Promise<number> {
  if (keep !== undefined) {
    const made = targetNamed(target);
    const files = join(folder, 'input');
    mkdirSync(files);
    mkdirSync(join(folder, 'kept'));
    await made.prepare?.(join(folder, 'kept'));
    writeFiles(made.make(seed), files);
    cpSync(files, keep, { recursive: true });
  }
  const { what, report } = await readAlone(target, seed, folder);
  if (report) {
    const { outcome, ms, blocked, growth } = report;
    console.log(
      `${outcome ?? 'finding'}: ${ms.toFixed(1)} ms, event loop ${blocked.toFixed(1)} ms, memory ${growth} bytes`,
    );
  }
  console.log(what || 'nothing is wrong');
  return what ? 1 : 0;
}

function describe({ target, ran, seconds, tally, findings, notes }: Hunt): void {
  const outcomes = [...tally].sort((a, b) => b[1] - a[1]);
  const share = (count: number) => `${((100 * count) / Math.max(1, ran)).toFixed(1)} %`;
  const shown = outcomes.slice(0, 6).map(([outcome, count]) => `${outcome} ${share(count)}`);
  const more = outcomes.length > 6 ? `, and ${outcomes.length - 6} more` : '';
  console.log(
    `${target}: ${ran} inputs in ${seconds.toFixed(0)} s, ${Math.round(ran / seconds)}/s; ${shown.join(', ')}${more}`,
  );
  for (const note of notes) console.log(`  note: ${note}`);
  for (const { seeds, what } of findings) {
    const [least, most] = [Math.min(...seeds), Math.max(...seeds)];
    const again = least === most ? `--seed ${least}` : `--first ${least} --runs ${most - least + 1} --processes 1`;
    console.log(`  FOUND: ${what.replaceAll('\n', '\n    ')}\n  node test/fuzz/main.cjs --target ${target} ${again}`);
  }
}

main().then(
  (status) => process.exit(status),
  (error: Error) => {
    console.error(error.message);
    process.exit(2);
  },
);
