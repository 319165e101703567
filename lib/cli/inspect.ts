import type { CheckpointSummary, InspectOptions } from '../auto/inspect';
import { inTurns, type Steps, visitInSteps } from '../turns';
import type { Command } from './command';
import { ExitCode } from './exit-code';
import { jsonLines, writeLines } from './lines';
import { classOptions } from './result-options';
import { byteSize, columns, columnsInSteps, facts, grouped } from './table';

/** `native-transformers inspect`. */
export function inspectCommand(
  inspect: (path: string, options: InspectOptions) => Promise<CheckpointSummary>,
): Command {
  return {
    name: 'inspect',
    summary: 'Say what a checkpoint is, what lies in its files, and whether it will load.',
    positional: {
      name: 'PATH',
      help: "a checkpoint's folder, a file of weights, or the start of a TensorFlow checkpoint's name",
      many: false,
    },
    options: { ...classOptions, json: { type: 'boolean', help: 'print JSON' } },
    examples: [
      { line: 'native-transformers inspect ./all-MiniLM-L6-v2', what: 'architecture, files, dtypes, parameters' },
    ],
    async run({ options, positionals }, { stdout }) {
      const found = await inspect(positionals[0]!, {
        config: options['config'] as string | undefined,
        class: options['class'] as string | undefined,
      });
      await writeLines(stdout, await inTurns(options['json'] === true ? jsonLines(found) : inspectionLines(found)));
      return found.loads ? ExitCode.OK : ExitCode.BAD_INPUT;
    },
  };
}

export function* inspectionLines(found: CheckpointSummary): Steps<string[]> {
  const hasConfig = found.model_type !== '';
  const hasWeights = found.files.length > 0;
  const ofConfig: [string, string][] = [
    ['architecture', found.architectures.join(', ') || 'not named'],
    ['model type', found.model_type],
  ];
  const ofWeights: [string, string][] = [
    ['parameters', grouped(found.parameters)],
    ['weights', byteSize(found.bytes)],
  ];
  const head: [string, string][] = [
    ['checkpoint', found.path],
    ...(hasConfig ? ofConfig : []),
    ...(hasWeights ? ofWeights : []),
    ...found.details,
    ...found.metadata,
  ];
  const files = found.files.map(({ file, format, tensors, bytes }) => [
    file,
    format,
    grouped(tensors),
    byteSize(bytes),
  ]);
  const unread = new Set(found.tensors.filter(({ readable }) => !readable).map(({ dtype }) => dtype));
  const typeText = (dtype: string) => (unread.has(dtype) ? `${dtype} (not read)` : dtype);
  const dtypes = found.dtypes.map(({ dtype, tensors, parameters, bytes }) => [
    typeText(dtype),
    grouped(tensors),
    grouped(parameters),
    byteSize(bytes),
  ]);
  // A folder's tensors are the model's, of which the class tells; whoever names a file wants to see into it.
  const tensors: string[][] = [];
  if (found.isFile)
    yield* visitInSteps(found.tensors, ({ name, dtype, shape }) =>
      tensors.push([name, typeText(dtype), `[${shape.join(', ')}]`]),
    );
  const verdict = found.loads ? `It will load${found.call === null ? '.' : `: ${found.call}`}` : 'It will not load:';
  const before = [
    ...facts(head),
    '',
    ...(hasWeights ? [...columns(['file', 'format', ' tensors', ' bytes'], files), ''] : []),
    ...(hasWeights ? [...columns(['dtype', ' tensors', ' parameters', ' bytes'], dtypes), ''] : []),
  ];
  const list = tensors.length > 0 ? yield* columnsInSteps(['tensor', 'dtype', 'shape'], tensors) : [];
  const after = [...(tensors.length > 0 ? [''] : []), verdict, ...found.reasons.map((reason) => `  ${reason}`)];
  return before.concat(list, after);
}
