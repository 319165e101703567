import type { CheckpointSummary } from '../auto/inspect';
import type { Command } from './command';
import { ExitCode } from './exit-code';
import { byteSize, columns, facts, grouped } from './table';

/** `native-transformers inspect`. */
export function inspectCommand(inspect: (folder: string) => Promise<CheckpointSummary>): Command {
  return {
    name: 'inspect',
    summary: 'Say what a checkpoint is, what lies in its files, and whether it will load.',
    positional: { name: 'FOLDER', help: 'a checkpoint in Hub layout, or a .gguf file', many: false },
    options: { json: { type: 'boolean', help: 'print JSON' } },
    examples: [
      { line: 'native-transformers inspect ./all-MiniLM-L6-v2', what: 'architecture, files, dtypes, parameters' },
    ],
    async run({ options, positionals }, { stdout }) {
      const found = await inspect(positionals[0]!);
      stdout.write(options['json'] === true ? `${JSON.stringify(found, null, 2)}\n` : inspectionText(found));
      return found.loads ? ExitCode.OK : ExitCode.BAD_INPUT;
    },
  };
}

export function inspectionText(found: CheckpointSummary): string {
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
  const dtypes = found.dtypes.map(({ dtype, tensors, parameters, bytes }) => [
    dtype,
    grouped(tensors),
    grouped(parameters),
    byteSize(bytes),
  ]);
  // A folder's tensors are the model's; those of a file alone are all that can be said of it.
  const isAlone = !hasConfig || found.files.some(({ format }) => format === 'gguf');
  const tensors = isAlone ? found.tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`]) : [];
  const verdict = found.loads ? 'It will load.' : 'It will not load:';
  const lines = [
    ...facts(head),
    '',
    ...(hasWeights ? [...columns(['file', 'format', ' tensors', ' bytes'], files), ''] : []),
    ...(hasWeights ? [...columns(['dtype', ' tensors', ' parameters', ' bytes'], dtypes), ''] : []),
    ...(tensors.length > 0 ? [...columns(['tensor', 'dtype', 'shape'], tensors), ''] : []),
    verdict,
    ...found.reasons.map((reason) => `  ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}
