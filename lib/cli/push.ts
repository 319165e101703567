import type { CommitInfo } from '../hub/commit-files';
import type { UploadOptions } from '../hub/upload-folder';
import type { Command, Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { withInterrupts } from './interrupt';
import { usage } from './parse';
import { parsePatterns } from './patterns';

/** What the command needs of the hub room. */
export interface Uploader {
  uploadFolder(folder: string, repo: string, options: UploadOptions): Promise<CommitInfo>;
  filesToUpload(folder: string): Promise<string[]>;
  chosenBy(names: readonly string[], include: readonly string[] | null, exclude: readonly string[] | null): string[];
}

/** `native-transformers push`. */
export function pushCommand(load: () => Promise<Uploader>): Command {
  const command: Command = {
    name: 'push',
    summary: 'Commit a folder to a repository on the Hub, which is made when it is not there.',
    positional: {
      name: 'FOLDER',
      help: "the folder, then the repository's id (default: the folder's name)",
      many: true,
    },
    options: {
      message: { type: 'string', short: 'm', help: 'what the commit says' },
      description: { type: 'string', help: 'more of it' },
      revision: { type: 'string', value: 'BRANCH', default: 'main', help: 'the branch; made when it is not there' },
      'create-pr': { type: 'boolean', help: 'open a pull request in place of committing' },
      private: { type: 'boolean', negatable: true, help: 'whether a repository that is made is private' },
      tags: {
        type: 'string',
        value: 'TAGS',
        help: 'of the model card, separated by commas; not where the folder has its own README.md',
      },
      include: { type: 'string', value: 'PATTERNS', help: 'send what matches one of these, separated by commas' },
      exclude: { type: 'string', value: 'PATTERNS', help: 'leave out what matches one of these' },
      token: { type: 'string', default: 'HF_TOKEN, the stored one', help: 'a token that may write' },
      'dry-run': { type: 'boolean', help: 'print the files that would be sent, and send nothing' },
      json: { type: 'boolean', help: 'print JSON' },
      quiet: { type: 'boolean', short: 'q', help: 'print the address only' },
    },
    examples: [
      { line: 'native-transformers push ./my-model someone/my-model', what: 'a folder' },
      {
        line: "native-transformers push ./my-model someone/my-model --create-pr -m 'Cast to bfloat16'",
        what: 'a proposal',
      },
    ],
    run: (parsed, terminal) =>
      withInterrupts(terminal, kLeft, async (signal) => push(command, await load(), parsed, terminal, signal)),
  };
  return command;
}

const kLeft = 'no commit was made, unless the last step was on its way; the same command does what is left';

async function push(
  command: Command,
  hub: Uploader,
  { options, positionals }: Parsed,
  { stdout, stderr }: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const [
    folder,
    id = (folder as string)
      .replace(/[\\/]+$/, '')
      .split(/[\\/]/)
      .at(-1) as string,
    ...more
  ] = positionals;
  if (more.length > 0) throw usage(command, `push takes one folder and one id, got '${more[0]}' too`);
  const text = (name: string) => (options[name] as string | undefined) ?? null;
  const choose = (paths: readonly string[]) =>
    hub.chosenBy(paths, parsePatterns(text('include')), parsePatterns(text('exclude')));
  if (options['dry-run'] === true) {
    const files = choose(await hub.filesToUpload(folder as string));
    stdout.write(
      options['json'] === true ? `${JSON.stringify({ id, files }, null, 2)}\n` : files.map((f) => `${f}\n`).join(''),
    );
    return ExitCode.OK;
  }
  const done = new Set<string>();
  const info = await hub.uploadFolder(folder as string, id, {
    commit_message: text('message'),
    commit_description: text('description'),
    revision: text('revision'),
    create_pr: options['create-pr'] === true,
    private: (options['private'] as boolean | undefined) ?? null,
    tags: parsePatterns(text('tags')) ?? [],
    token: text('token'),
    choose,
    progress_callback: (info) => {
      if (info.status !== 'done' || done.has(info.file) || options['quiet'] === true) return;
      done.add(info.file);
      stderr.write(`sent ${info.file}\n`);
    },
    signal,
  });
  stdout.write(options['json'] === true ? `${JSON.stringify(info, null, 2)}\n` : `${info.pr_url ?? info.commit_url}\n`);
  return ExitCode.OK;
}
