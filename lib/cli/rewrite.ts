import type { RewriteOptions, RewriteReport } from '../pretrained/rewrite-checkpoint';
import type { Command, OptionSpec, Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { withInterrupts } from './interrupt';
import { checkpointFolder, maxShardSize, resultOptions } from './result-options';
import { byteSize, columns, grouped } from './table';

/** Writes a checkpoint anew, or says what that would change. */
export type RewriteCheckpoint = (folder: string, options: RewriteOptions) => Promise<RewriteReport>;

const dtype: OptionSpec = {
  type: 'string',
  choices: ['float32', 'float16', 'bfloat16', 'fp32', 'fp16', 'bf16'],
  help: 'type of every floating tensor',
};

/** `native-transformers cast`. */
export function castCommand(rewrite: () => Promise<RewriteCheckpoint>): Command {
  return {
    name: 'cast',
    summary: 'Store the weights of a checkpoint in another type.',
    positional: checkpointFolder,
    options: { dtype: { ...dtype, required: true }, 'max-shard-size': maxShardSize, ...resultOptions },
    examples: [
      { line: 'native-transformers cast ./model --dtype bf16 --dry-run', what: 'types and files, before and after' },
      { line: 'native-transformers cast ./model --dtype bf16 -o ./model-bf16', what: 'the result in another folder' },
    ],
    run: async (parsed, terminal) => run(await rewrite(), parsed, terminal),
  };
}

/** `native-transformers shard`. */
export function shardCommand(rewrite: () => Promise<RewriteCheckpoint>): Command {
  return {
    name: 'shard',
    summary: 'Spread the weights of a checkpoint over files of bounded size, or bring them into one.',
    positional: checkpointFolder,
    options: { 'max-shard-size': { ...withoutDefault(maxShardSize), required: true }, ...resultOptions },
    examples: [
      { line: 'native-transformers shard ./model --max-shard-size 500MB', what: 'small files, and their index' },
      { line: 'native-transformers shard ./model --max-shard-size 1TB', what: 'one file again' },
    ],
    run: async (parsed, terminal) => run(await rewrite(), parsed, terminal),
  };
}

/** `native-transformers convert`. */
export function convertCommand(rewrite: () => Promise<RewriteCheckpoint>): Command {
  return {
    name: 'convert',
    summary: 'Write the weights of a checkpoint in another format.',
    positional: checkpointFolder,
    options: {
      to: { type: 'string', choices: ['safetensors', 'bin'], required: true, help: 'format of the weights' },
      dtype: { ...dtype, default: 'as they are' },
      'max-shard-size': maxShardSize,
      ...resultOptions,
    },
    examples: [
      { line: 'native-transformers convert ./model --to safetensors', what: 'in place: the old files go' },
      { line: 'native-transformers convert ./model --to safetensors --dtype fp16 -o ./small', what: 'and a cast' },
    ],
    run: async (parsed, terminal) => run(await rewrite(), parsed, terminal),
  };
}

function withoutDefault({ default: _, ...spec }: OptionSpec): OptionSpec {
  return spec;
}

async function run(rewrite: RewriteCheckpoint, { options, positionals }: Parsed, terminal: Terminal): Promise<number> {
  return withInterrupts(async (signal) => {
    const report = await rewrite(positionals[0] as string, rewriteOptions(options, signal));
    const text =
      options['json'] === true ? JSON.stringify(report, null, 2) : reportText(report, options['dry-run'] === true);
    terminal.stdout.write(`${text}\n`);
    return ExitCode.OK;
  });
}

function rewriteOptions(options: Parsed['options'], signal: AbortSignal): RewriteOptions {
  return {
    dtype: options['dtype'] as string | undefined,
    max_shard_size: options['max-shard-size'] as string | undefined,
    format: options['to'] === undefined ? undefined : options['to'] === 'bin' ? 'pytorch' : 'safetensors',
    variant: options['variant'] as string | undefined,
    output: options['output'] as string | undefined,
    dryRun: options['dry-run'] === true,
    signal,
  };
}

/** What a rewrite changed, as people read it. */
export function reportText(report: RewriteReport, isDry: boolean): string {
  const { target, dtypes, written, removed, kept } = report;
  const types = dtypes.map(({ from, to, tensors, bytesBefore, bytesAfter }) => [
    from === to ? from : `${from} → ${to}`,
    grouped(tensors),
    byteSize(bytesBefore),
    byteSize(bytesAfter),
  ]);
  const files = [
    ...written.map(({ file, tensors, bytes }) => [
      isDry ? 'write' : 'wrote',
      file,
      tensors ? grouped(tensors) : '',
      byteSize(bytes),
    ]),
    ...removed.map((file) => [isDry ? 'remove' : 'removed', file, '', '']),
    ...kept.map((file) => [isDry ? 'keep' : 'kept', file, '', '']),
  ];
  return [
    ...columns(['type', ' tensors', ' before', ' after'], types),
    '',
    ...columns(['', `in ${target}`, ' tensors', ' bytes'], files),
    '',
    isDry ? 'Nothing was changed: this was a dry run.' : 'Done.',
  ].join('\n');
}
