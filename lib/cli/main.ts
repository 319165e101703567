#!/usr/bin/env node
import { version } from '../package';
import { cacheCommand } from './cache';
import { classifyCommand } from './classify';
import type { Terminal } from './command';
import { diagnose } from './diagnose';
import { doctorCommand } from './doctor';
import { downloadCommand } from './download';
import { pruneHeadsCommand, resizeEmbeddingsCommand } from './edit';
import { embedCommand } from './embed';
import { inspectCommand } from './inspect';
import { pushCommand } from './push';
import { castCommand, convertCommand, shardCommand } from './rewrite';
import { runCli } from './run-cli';

const rewrite = async () => (await import('../auto/rewrite-checkpoint.js')).rewriteCheckpoint;

// Rooms below are loaded by the command that needs them: --help starts at once.
const commands = [
  embedCommand(async () => {
    const { loadEmbedModel, nativeFormatRows } = await import('../jobs/models.js');
    return { load: loadEmbedModel, formatRows: () => nativeFormatRows };
  }),
  classifyCommand(async () => {
    const { loadClassifyModel, nativeFormatRows } = await import('../jobs/models.js');
    return { load: loadClassifyModel, formatRows: () => nativeFormatRows };
  }),
  inspectCommand(async (...given) => (await import('../auto/inspect.js')).inspectCheckpoint(...given)),
  ...[castCommand, shardCommand].map((command) => command(rewrite)),
  convertCommand({
    convert: async () => (await import('../auto/convert-checkpoint.js')).convertCheckpoint,
    toGguf: async () => (await import('../auto/convert-to-gguf.js')).convertToGguf,
  }),
  ...[resizeEmbeddingsCommand, pruneHeadsCommand].map((command) =>
    command(async () => ({
      edit: (await import('../auto/edit-checkpoint.js')).editCheckpoint,
      set_seed: (await import('../pretrained/init.js')).set_seed,
    })),
  ),
  downloadCommand(async () => ({
    ...(await import('../hub/snapshot.js')),
    ...(await import('../hub/local-copy.js')),
  })),
  pushCommand(async () => ({
    ...(await import('../hub/upload-folder.js')),
    ...(await import('../hub/pattern.js')),
  })),
  cacheCommand(() => import('../hub/cache-scan.js')),
  doctorCommand(diagnose),
];

const terminal: Terminal = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env };

// A reader that has gone, as `head` does, is no failure of ours; the job goes on.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

runCli(commands, process.argv.slice(2), terminal, version).then((code) => {
  process.exitCode = code;
});
