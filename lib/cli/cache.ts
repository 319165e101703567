import type * as scan from '../hub/cache-scan';
import type { Command, Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { withInterrupts } from './interrupt';
import { usage } from './parse';
import { byteSize, columns, grouped } from './table';

/** What the command needs of the hub room. */
export type CacheTools = Pick<typeof scan, 'scanCache' | 'verifyCache' | 'removeFromCache' | 'pruneCache'>;

const kActions = ['list', 'verify', 'rm', 'prune'];

/** `native-transformers cache`. */
export function cacheCommand(load: () => Promise<CacheTools>): Command {
  const command: Command = {
    name: 'cache',
    summary: 'List, check and tidy the cache of models.',
    positional: {
      name: 'ACTION',
      help: `one of ${kActions.join(', ')} (default: list); verify and rm take ids, rm also ID@REVISION`,
      many: true,
      optional: true,
    },
    options: {
      'cache-dir': { type: 'string', value: 'DIR', default: 'HF_HUB_CACHE, HF_HOME', help: 'root of the cache' },
      'dry-run': { type: 'boolean', help: 'rm and prune: say what would go, and change nothing' },
      json: { type: 'boolean', help: 'print JSON' },
    },
    examples: [
      { line: 'native-transformers cache list', what: 'repositories, their revisions and sizes' },
      { line: 'native-transformers cache verify', what: 'sum the contents of every file again' },
      { line: 'native-transformers cache rm openai-community/gpt2', what: 'remove a model' },
      { line: 'native-transformers cache prune --dry-run', what: 'old revisions and left-overs of broken transfers' },
    ],
    run: (parsed, terminal) =>
      withInterrupts(terminal, 'the same command does what is left', async (signal) =>
        run(command, await load(), parsed, terminal, signal),
      ),
  };
  return command;
}

async function run(
  command: Command,
  tools: CacheTools,
  { options, positionals }: Parsed,
  { stdout }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const [action = 'list', ...targets] = positionals;
  const where = { cache_dir: (options['cache-dir'] as string | undefined) ?? null, signal };
  const dryRun = options['dry-run'] === true;
  const json = (value: unknown) => stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  if (!kActions.includes(action)) throw usage(command, `'${action}' is not one of ${kActions.join(', ')}`);
  if (targets.length > 0 && (action === 'list' || action === 'prune')) throw usage(command, `${action} takes no ids`);
  if (dryRun && action !== 'rm' && action !== 'prune')
    throw usage(command, `--dry-run is of rm and prune; ${action} changes nothing`);
  if (action === 'rm' && targets.length === 0) throw usage(command, 'rm needs the id of a model');
  if (action === 'list') {
    const repos = await tools.scanCache(where);
    if (options['json']) json(repos);
    else stdout.write(listText(repos));
    return ExitCode.OK;
  }
  if (action === 'verify') {
    const repos = (await tools.scanCache(where)).filter(({ id }) => targets.length === 0 || targets.includes(id));
    const unknown = targets.filter((target) => !repos.some(({ id }) => id === target));
    if (unknown.length > 0) throw usage(command, `'${unknown[0]}' is not in the cache`);
    const found = await tools.verifyCache(repos, { signal });
    if (options['json']) json(found);
    else stdout.write(verifyText(found));
    return found.problems.length === 0 ? ExitCode.OK : ExitCode.BAD_INPUT;
  }
  const removals =
    action === 'prune'
      ? [await tools.pruneCache({ ...where, dryRun })]
      : await inTurn(targets, (target) => tools.removeFromCache(target, { ...where, dryRun }));
  const paths = removals.flatMap((removal) => removal.paths);
  const bytes = removals.reduce((sum, removal) => sum + removal.bytes, 0);
  if (options['json']) json({ paths, bytes, dry_run: dryRun });
  else {
    const verb = dryRun ? 'would be removed' : 'removed';
    stdout.write([...paths, `${grouped(paths.length)} paths, ${byteSize(bytes)} ${verb}`, ''].join('\n'));
  }
  return ExitCode.OK;
}

async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

function listText(repos: readonly scan.CachedRepo[]): string {
  if (repos.length === 0) return 'The cache is empty.\n';
  const rows = repos.flatMap((repo) =>
    repo.revisions.map((revision, at) => [
      at === 0 ? repo.id : '',
      at === 0 ? byteSize(repo.bytes) : '',
      revision.commit.slice(0, 12),
      revision.refs.join(', '),
      grouped(revision.files),
      byteSize(revision.bytes),
    ]),
  );
  const total = repos.reduce((sum, { bytes }) => sum + bytes, 0);
  const lines = columns(['id', ' on disk', 'revision', 'refs', ' files', ' bytes'], rows);
  return `${[...lines, '', `${grouped(repos.length)} ${repos.length === 1 ? 'repository' : 'repositories'}, ${byteSize(total)}`].join('\n')}\n`;
}

function verifyText({ files, problems }: Awaited<ReturnType<CacheTools['verifyCache']>>): string {
  const lines = problems.map(({ path, what }) => `${path}: ${what}`);
  return `${[...lines, `${grouped(files)} files, ${grouped(problems.length)} problems`].join('\n')}\n`;
}
