import type { ConvertToGgufOptions, GgufReport } from '../auto/convert-to-gguf';
import type { QuantizationError } from '../pretrained/gguf/quantization-error';
import type { Command, Parsed, Terminal } from './command';
import { ExitCode } from './exit-code';
import { withInterrupts } from './interrupt';
import { usage } from './parse';
import { byteSize, columns } from './table';

/** Writes a checkpoint as a GGUF file, or says what that would write. */
export type ConvertToGguf = (location: string, options: ConvertToGgufOptions) => Promise<GgufReport>;

/** `native-transformers convert … --to gguf`. */
export async function runToGguf(
  command: Command,
  convert: ConvertToGguf,
  { options, positionals }: Parsed,
  terminal: Terminal,
): Promise<number> {
  for (const name of ['max-shard-size', 'variant'])
    if (options[name] !== undefined)
      throw usage(command, `--${name} means nothing for --to gguf, which writes one file`);
  if (options['class'] !== undefined)
    throw usage(command, '--class means nothing for --to gguf, which holds language models alone');
  return withInterrupts(terminal, 'nothing was changed', async (signal) => {
    const dryRun = options['dry-run'] === true;
    const report = await convert(positionals[0] as string, {
      config: options['config'] as string | undefined,
      output: options['output'] as string | undefined,
      dtype: options['dtype'] as string | undefined,
      quantize: options['quantize'] as string | undefined,
      dryRun,
      signal,
    });
    const text = options['json'] === true ? JSON.stringify(report, null, 2) : ggufReportText(report, dryRun);
    terminal.stdout.write(`${text}\n`);
    return ExitCode.OK;
  });
}

/** What was written, as people read it. */
export function ggufReportText({ file, bytes, tensors, overall }: GgufReport, isDry: boolean): string {
  const words = (error: QuantizationError | null) =>
    error === null ? ['', '', ''] : [error.max.toExponential(2), error.mean.toExponential(2), error.cosine.toFixed(6)];
  const rows = tensors.map(({ name, shape, from, to, error }) => [
    name,
    `[${shape.join(', ')}]`,
    from === to ? to : `${from} → ${to}`,
    ...words(error),
  ]);
  if (overall !== null) rows.push(['all quantised tensors', '', '', ...words(overall)]);
  return [
    ...columns(['tensor', 'shape', 'type', ' greatest error', ' mean error', ' cosine'], rows),
    '',
    `${isDry ? 'Would write' : 'Wrote'} ${byteSize(bytes)} to ${file}.`,
    isDry ? 'Nothing was changed: this was a dry run.' : 'Done.',
  ].join('\n');
}
