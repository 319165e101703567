import { EntryNotFoundError } from '../hub/hub-errors';
import type { SnapshotOptions } from '../hub/snapshot';
import type { Command, Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { withInterrupts } from './interrupt';
import { usage } from './parse';
import { parsePatterns } from './patterns';
import { byteSize } from './table';
import { transferLine } from './transfer-line';

/** What the command needs of the hub room. */
export interface Downloader {
  snapshotDownload(repo: string, options: SnapshotOptions): Promise<string>;
  copyToFolder(snapshot: string, paths: readonly string[], folder: string, signal?: AbortSignal | null): Promise<void>;
}

/** `native-transformers download`. */
export function downloadCommand(load: () => Promise<Downloader>): Command {
  const command: Command = {
    name: 'download',
    summary: 'Fetch a model from the Hub into the cache that Python uses too, and print its folder.',
    positional: {
      name: 'ID',
      help: 'such as sentence-transformers/all-MiniLM-L6-v2, then files of it (default: all)',
      many: true,
    },
    options: {
      revision: { type: 'string', value: 'REF', default: 'main', help: 'branch, tag or commit' },
      include: { type: 'string', value: 'PATTERNS', help: 'fetch what matches one of these, separated by commas' },
      exclude: { type: 'string', value: 'PATTERNS', help: 'leave out what matches one of these' },
      'cache-dir': { type: 'string', value: 'DIR', default: 'HF_HUB_CACHE, HF_HOME', help: 'root of the cache' },
      'local-dir': { type: 'string', value: 'DIR', help: 'copy the files there too' },
      token: { type: 'string', default: 'HF_TOKEN, the stored one', help: 'for private and gated repositories' },
      'max-workers': { type: 'integer', default: '8', help: 'files fetched at the same time' },
      'force-download': { type: 'boolean', help: 'fetch again what is in the cache' },
      'dry-run': { type: 'boolean', help: 'print the files and their sizes, and fetch nothing' },
      quiet: { type: 'boolean', short: 'q', help: 'print the folder only' },
    },
    examples: [
      { line: 'native-transformers download sentence-transformers/all-MiniLM-L6-v2', what: 'a whole repository' },
      {
        line: "native-transformers download gpt2 --include '*.json,*.safetensors' --local-dir ./gpt2",
        what: "some of its files, and a folder of one's own",
      },
    ],
    run: (parsed, terminal) => {
      const { options, positionals } = parsed;
      if (positionals.length > 1 && options['include'] !== undefined)
        throw usage(command, 'files are named twice, as arguments and by --include; give one of them');
      return withInterrupts(terminal, kLeft, async (signal) => download(await load(), parsed, terminal, signal));
    },
  };
  return command;
}

const kLeft = 'what has come is kept, and the same command goes on from there';

async function download(hub: Downloader, { options, positionals }: Parsed, terminal: Terminal, signal: AbortSignal) {
  const [id, ...files] = positionals as [string, ...string[]];
  const text = (name: string) => options[name] as string | undefined;
  const line = transferLine(terminal, options['quiet'] === true);
  const dryRun = options['dry-run'] === true;
  const lines: string[] = []; // of a dry run
  let chosen: string[] = [];
  try {
    const folder = await hub.snapshotDownload(id, {
      revision: text('revision') ?? null,
      include: files.length > 0 ? files.map(literally) : parsePatterns(text('include')),
      exclude: parsePatterns(text('exclude')),
      cache_dir: text('cache-dir') ?? null,
      token: text('token') ?? null,
      ...(options['max-workers'] !== undefined && { max_workers: options['max-workers'] as number }),
      force_download: options['force-download'] === true,
      dry_run: dryRun,
      signal,
      onTransfer: line.listen,
      onPlan: (plan, cached) => {
        chosen = plan.map(({ path }) => path);
        const absent = files.find((file) => !chosen.includes(file));
        if (absent !== undefined)
          throw new EntryNotFoundError(`'${id}' has no file '${absent}' (${options['revision'] ?? 'main'})`);
        const missing = plan.filter(({ path }) => options['force-download'] === true || !cached.has(path));
        if (dryRun)
          lines.push(...missing.map(({ path, size }) => `${path}  ${size === null ? '' : byteSize(size)}`.trimEnd()));
        else line.expect(missing);
        const bytes = missing.reduce((sum, { size }) => sum + (size ?? 0), 0);
        line.note(`${plan.length} files, ${plan.length - missing.length} in the cache; ${byteSize(bytes)} to fetch`);
      },
    });
    line.close();
    if (dryRun) {
      terminal.stdout.write(lines.map((text) => `${text}\n`).join(''));
      return ExitCode.OK;
    }
    const local = text('local-dir');
    if (local !== undefined) {
      const paths = chosen.map((file) => `${folder}/${file}`);
      await hub.copyToFolder(folder, paths, local, signal);
    }
    terminal.stdout.write(`${local ?? folder}\n`);
    return ExitCode.OK;
  } finally {
    line.close();
  }
}

/** A pattern that matches a name and nothing else. */
function literally(name: string): string {
  return name.replace(/[*?[]/g, '[$&]');
}
