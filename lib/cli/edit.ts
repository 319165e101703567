import type { EditOptions, EditReport } from '../auto/edit-checkpoint';
import type { PreTrainedModel } from '../pretrained/pretrained-model';
import type { Command, Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { withInterrupts } from './interrupt';
import { usage } from './parse';
import { checkpointFolder, maxShardSize, resultOptions } from './result-options';
import { columns, grouped } from './table';

/** Applies surgery to a checkpoint's folder, or says what it would change. */
export type EditCheckpoint = (
  folder: string,
  edit: (model: PreTrainedModel) => void,
  options: EditOptions,
) => Promise<EditReport>;

/** What the commands load when they run. */
export interface EditRooms {
  edit: EditCheckpoint;
  set_seed: (seed: number) => void;
}

/** `native-transformers resize-embeddings`. */
export function resizeEmbeddingsCommand(rooms: () => Promise<EditRooms>): Command {
  const command: Command = {
    name: 'resize-embeddings',
    summary: 'Give the table of token embeddings another number of rows, and the head with it.',
    positional: checkpointFolder,
    options: {
      tokens: { type: 'integer', value: 'N', default: 'as many as there are', help: 'rows of the new table' },
      'pad-to-multiple-of': { type: 'integer', value: 'N', help: 'rounds the number of rows up' },
      'mean-resizing': {
        type: 'boolean',
        negatable: true,
        default: 'on',
        help: 'new rows lie around the mean of the old ones; off: as in a new model',
      },
      seed: { type: 'integer', value: 'N', help: 'makes the new rows repeat' },
      'max-shard-size': maxShardSize,
      ...resultOptions,
    },
    examples: [
      {
        line: 'native-transformers resize-embeddings ./model --tokens 32064 --dry-run',
        what: 'shapes, before and after',
      },
      {
        line: 'native-transformers resize-embeddings ./model --tokens 32003 --pad-to-multiple-of 64 -o ./larger',
        what: 'the result in another folder',
      },
    ],
    async run(parsed, terminal) {
      const { options } = parsed;
      const tokens = (options['tokens'] as number | undefined) ?? null;
      const pad_to_multiple_of = (options['pad-to-multiple-of'] as number | undefined) ?? null;
      if (tokens === null && pad_to_multiple_of === null)
        throw usage(command, '--tokens or --pad-to-multiple-of is missing');
      const { edit, set_seed } = await rooms();
      if (options['seed'] !== undefined) set_seed(options['seed'] as number);
      const mean_resizing = options['mean-resizing'] !== false;
      return run(edit, parsed, terminal, (model) => {
        model.resize_token_embeddings(tokens, { pad_to_multiple_of, mean_resizing });
      });
    },
  };
  return command;
}

/** `native-transformers prune-heads`. */
export function pruneHeadsCommand(rooms: () => Promise<EditRooms>): Command {
  const command: Command = {
    name: 'prune-heads',
    summary: 'Remove heads of attention from a checkpoint.',
    positional: checkpointFolder,
    options: {
      heads: {
        type: 'string',
        value: 'LAYERS',
        required: true,
        help: 'heads of each layer, such as "0:1,3 2:0": heads 1 and 3 of layer 0, head 0 of layer 2',
      },
      'max-shard-size': maxShardSize,
      ...resultOptions,
    },
    examples: [
      {
        line: 'native-transformers prune-heads ./model --heads "0:1,3 2:0" --dry-run',
        what: 'shapes, before and after',
      },
      {
        line: 'native-transformers prune-heads ./model --heads 11:7 -o ./pruned',
        what: 'the result in another folder',
      },
    ],
    async run(parsed, terminal) {
      const heads = parseHeads(command, parsed.options['heads'] as string);
      const { edit } = await rooms();
      return run(edit, parsed, terminal, (model) => model.prune_heads(heads));
    },
  };
  return command;
}

/** @throws ValueError `USAGE` for a text that names no heads of layers */
function parseHeads(command: Command, text: string): Map<number, number[]> {
  const layers = new Map<number, number[]>();
  for (const item of text.split(/[\s;]+/).filter((part) => part !== '')) {
    const [, layer, heads] = /^(\d+):(\d+(?:,\d+)*)$/.exec(item) ?? [];
    if (layer === undefined || heads === undefined)
      throw usage(command, `--heads must be like "0:1,3 2:0" (layer:head,head), got '${item}'`);
    layers.set(Number(layer), [...(layers.get(Number(layer)) ?? []), ...heads.split(',').map(Number)]);
  }
  if (layers.size === 0) throw usage(command, '--heads names no heads');
  return layers;
}

async function run(
  edit: EditCheckpoint,
  { options, positionals }: Parsed,
  terminal: Terminal,
  change: (model: PreTrainedModel) => void,
): Promise<number> {
  return withInterrupts(terminal, 'nothing was changed', async (signal) => {
    const dryRun = options['dry-run'] === true;
    const report = await edit(positionals[0] as string, change, {
      output: options['output'] as string | undefined,
      max_shard_size: options['max-shard-size'] as string | undefined,
      variant: options['variant'] as string | undefined,
      dryRun,
      signal,
    });
    terminal.stdout.write(`${options['json'] === true ? JSON.stringify(report, null, 2) : editText(report, dryRun)}\n`);
    return ExitCode.OK;
  });
}

/** What an edit changed, as people read it. */
export function editText(report: EditReport, isDry: boolean): string {
  const shape = (dims: readonly number[]) => `[${dims.join(', ')}]`;
  const text = (value: unknown) => JSON.stringify(value) ?? 'absent';
  return [
    ...columns(
      [`tensors of ${report.architecture}`, 'before', 'after'],
      report.tensors.map(({ name, before, after }) => [name, shape(before), shape(after)]),
    ),
    '',
    ...columns(
      ['config', 'before', 'after'],
      report.config.map(({ field, before, after }) => [field, text(before), text(after)]),
    ),
    '',
    `${grouped(report.parameters.before)} parameters, then ${grouped(report.parameters.after)}, in ${report.target}.`,
    isDry ? 'Nothing was changed: this was a dry run.' : 'Done.',
  ].join('\n');
}
