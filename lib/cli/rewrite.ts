import type { ClassChoice } from '../auto/checkpoint-place';
import type { ConvertOptions, ConvertReport } from '../auto/convert-checkpoint';
import type { RewriteOptions } from '../pretrained/rewrite-checkpoint';
import type { RewriteReport } from '../pretrained/rewrite-folder';
import type { Command, OptionSpec, Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { withInterrupts } from './interrupt';
import { usage } from './parse';
import { classOptions, maxShardSize, resultOptions } from './result-options';
import { byteSize, columns, grouped } from './table';
import { type ConvertToGguf, runToGguf } from './to-gguf';

/** Writes a checkpoint anew, or says what that would change. */
export type RewriteCheckpoint = (location: string, options: RewriteOptions & ClassChoice) => Promise<RewriteReport>;

const source = {
  name: 'SRC',
  help: "a checkpoint's folder, in any framework's format; a file of weights; the start of a TensorFlow checkpoint's name",
  many: false,
} as const;

const rewritten = { ...source, help: "a checkpoint's folder or one file of its weights; not GGUF, nor TensorFlow 1" };

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
    positional: rewritten,
    options: {
      dtype: { ...dtype, required: true },
      ...classOptions,
      'max-shard-size': maxShardSize,
      ...resultOptions,
    },
    examples: [
      { line: 'native-transformers cast ./model --dtype bf16 --dry-run', what: 'types and files, before and after' },
      { line: 'native-transformers cast ./model --dtype bf16 -o ./model-bf16', what: 'the result in another folder' },
      { line: 'native-transformers cast ./model/model.safetensors --dtype fp16 -o ./small', what: 'of one file' },
    ],
    run: async (parsed, terminal) => run(await rewrite(), parsed, terminal),
  };
}

/** `native-transformers shard`. */
export function shardCommand(rewrite: () => Promise<RewriteCheckpoint>): Command {
  return {
    name: 'shard',
    summary: 'Spread the weights of a checkpoint over files of bounded size, or bring them into one.',
    positional: rewritten,
    options: {
      'max-shard-size': { ...withoutDefault(maxShardSize), required: true },
      ...classOptions,
      ...resultOptions,
    },
    examples: [
      { line: 'native-transformers shard ./model --max-shard-size 500MB', what: 'small files, and their index' },
      { line: 'native-transformers shard ./model --max-shard-size 1TB', what: 'one file again' },
    ],
    run: async (parsed, terminal) => run(await rewrite(), parsed, terminal),
  };
}

/** Writes a checkpoint in another format, or says what that would change. */
export type ConvertCheckpoint = (location: string, options: ConvertOptions) => Promise<ConvertReport>;

/** What `convert` loads when it runs. */
export interface ConvertRooms {
  convert: () => Promise<ConvertCheckpoint>;
  toGguf: () => Promise<ConvertToGguf>;
}

/** Formats that `convert` writes into a folder. */
const FORMATS = ['safetensors', 'pytorch', 'tensorflow', 'flax'];

/** `native-transformers convert`. */
export function convertCommand({ convert, toGguf }: ConvertRooms): Command {
  const command: Command = {
    name: 'convert',
    summary: 'Write the weights of a checkpoint in another format.',
    positional: {
      ...source,
      second: { name: 'DST', help: 'a new folder for the result, or a .gguf file; the same as --output' },
    },
    options: {
      to: { type: 'string', choices: [...FORMATS, 'gguf'], required: true, help: 'format of the weights' },
      dtype: { ...dtype, default: 'as they are; blocks of GGUF as float32' },
      quantize: { type: 'string', choices: ['Q4_0', 'Q8_0', 'Q4_K', 'Q6_K'], help: 'blocks of matrices, of --to gguf' },
      ...classOptions,
      'max-shard-size': maxShardSize,
      ...resultOptions,
    },
    examples: [
      { line: 'native-transformers convert ./model --to safetensors', what: 'in place: the old files go' },
      { line: 'native-transformers convert ./model ./small --to safetensors --dtype fp16', what: 'and a cast' },
      {
        line: 'native-transformers convert ./tf ./pt --to pytorch',
        what: 'from tf_model.h5, say, to pytorch_model.bin',
      },
      {
        line: 'native-transformers convert ./uncased_L-12/bert_model.ckpt ./bert --to safetensors --class BertForMaskedLM',
        what: "from Google's original files",
      },
      { line: 'native-transformers convert ./model model-Q4_K.gguf --to gguf --quantize Q4_K', what: 'for llama.cpp' },
    ],
    async run(given, terminal) {
      const parsed = withDestination(command, given);
      if (parsed.options['to'] === 'gguf') return runToGguf(command, await toGguf(), parsed, terminal);
      if (parsed.options['quantize'] !== undefined) throw usage(command, '--quantize goes with --to gguf only');
      const convertTo = await convert();
      const to = parsed.options['to'] as string;
      return run((location, options) => convertTo(location, { ...options, to }), parsed, terminal);
    },
  };
  return command;
}

/** DST and --output say the same. */
function withDestination(command: Command, parsed: Parsed): Parsed {
  const [source, destination] = parsed.positionals;
  if (destination === undefined) return parsed;
  if (parsed.options['output'] !== undefined) throw usage(command, 'DST and --output both say where the result goes');
  return { ...parsed, positionals: [source as string], options: { ...parsed.options, output: destination } };
}

function withoutDefault({ default: _, ...spec }: OptionSpec): OptionSpec {
  return spec;
}

async function run(rewrite: RewriteCheckpoint, { options, positionals }: Parsed, terminal: Terminal): Promise<number> {
  return withInterrupts(terminal, 'nothing was changed', async (signal) => {
    const report = await rewrite(positionals[0] as string, rewriteOptions(options, signal));
    const text =
      options['json'] === true ? JSON.stringify(report, null, 2) : reportText(report, options['dry-run'] === true);
    terminal.stdout.write(`${text}\n`);
    return ExitCode.OK;
  });
}

function rewriteOptions(options: Parsed['options'], signal: AbortSignal): RewriteOptions & ClassChoice {
  return {
    config: options['config'] as string | undefined,
    class: options['class'] as string | undefined,
    dtype: options['dtype'] as string | undefined,
    max_shard_size: options['max-shard-size'] as string | undefined,
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
