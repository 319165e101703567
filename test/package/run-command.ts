import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export const root = join(__dirname, '..', '..');

/** How a command ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command and waits for it. What npm tells its scripts in the environment is not passed on. */
export function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}): Ended {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_local)/.test(name));
  return runWith({ ...Object.fromEntries(inherited), ...env }, command, args, cwd);
}

/** Runs a command with nothing but `env` in its environment. */
export function runWith(env: Record<string, string | undefined>, command: string, args: string[], cwd: string): Ended {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (error) throw error;
  return { code: status, stdout, stderr };
}

/** As `run`, for a command that must succeed. */
export function mustRun(command: string, args: string[], cwd: string, env: Record<string, string> = {}): string {
  const { code, stdout, stderr } = run(command, args, cwd, env);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: code ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** A folder of links to `tools`: a PATH on which nothing else is found. */
export function pathOf(folder: string, tools: string[]): string {
  mkdirSync(folder, { recursive: true });
  for (const tool of tools) symlinkSync(tool === 'node' ? process.execPath : whereIs(tool), join(folder, tool));
  return folder;
}

function whereIs(tool: string): string {
  for (const folder of (process.env['PATH'] as string).split(delimiter)) {
    const { status } = spawnSync('test', ['-x', join(folder, tool)]);
    if (status === 0) return join(folder, tool);
  }
  throw new Error(`this test needs ${tool} on PATH`);
}
