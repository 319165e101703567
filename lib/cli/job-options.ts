import type { JobOptions } from '../jobs/options';
import type { OptionSpec, Parsed, PositionalSpec } from './command';

export const inputsPositional: PositionalSpec = {
  name: 'INPUT',
  help: "files or patterns such as 'data/*.jsonl.gz', or - for standard input: JSON lines, CSV or plain lines",
  many: true,
};

/** What JSON lines hold, for the help. @param adds - the fields that the job adds */
export function formatHelp(adds: string): string {
  return `format of the result; jsonl repeats each row with ${adds}, in place of fields of that name that it had`;
}

/** The options that `embed` and `classify` share. */
export const jobOptionSpecs: Record<string, OptionSpec> = {
  model: { type: 'string', short: 'm', value: 'FOLDER', required: true, help: 'checkpoint to run' },
  output: { type: 'string', short: 'o', value: 'FOLDER', required: true, help: 'where the result goes' },
  format: {
    type: 'string',
    short: 'f',
    choices: ['jsonl', 'npy', 'safetensors', 'parquet'],
    default: 'jsonl',
    help: 'format of the result',
  },
  'text-field': {
    type: 'string',
    value: 'NAME',
    default: 'text',
    help: 'JSON key, CSV column or column index of the text',
  },
  'id-field': {
    type: 'string',
    value: 'NAME',
    default: 'id, where there is one',
    help: 'JSON key, CSV column or index of the id',
  },
  'input-format': {
    type: 'string',
    choices: ['jsonl', 'csv', 'lines'],
    default: "by the file's name, else by its first character",
    help: 'format of the input',
  },
  delimiter: { type: 'string', value: 'CHAR', default: 'a comma, a tab for .tsv', help: 'what separates CSV fields' },
  'csv-header': {
    type: 'boolean',
    negatable: true,
    default: 'yes, unless --text-field is an index',
    help: 'the first CSV record names the columns',
  },
  dtype: { type: 'string', default: "the checkpoint's", help: 'type of the weights in memory' },
  'batch-tokens': { type: 'integer', help: 'tokens in one batch', default: 'by the model' },
  'shard-rows': { type: 'integer', help: 'rows in one part of the result', default: '4096' },
  'max-row-bytes': { type: 'integer', help: 'a longer record is a bad row', default: '4194304' },
  overwrite: { type: 'boolean', help: 'drop the run that the output folder holds' },
  'fail-on-errors': { type: 'boolean', help: 'exit with 3 when rows went to errors/' },
  log: {
    type: 'string',
    choices: ['pretty', 'json', 'quiet'],
    default: 'pretty on a terminal, else json',
    help: 'progress on stderr',
  },
};

/** What the shared options say to `runJob`. */
export function jobOptions({ options, positionals }: Parsed): Omit<JobOptions, 'model'> {
  const given = {
    inputs: positionals,
    output: options['output'],
    format: options['format'],
    inputFormat: options['input-format'],
    textField: options['text-field'],
    idField: options['id-field'],
    delimiter: options['delimiter'] === '\\t' ? '\t' : options['delimiter'],
    csvHeader: options['csv-header'],
    shardRows: options['shard-rows'],
    maxRowBytes: options['max-row-bytes'],
    batchTokens: options['batch-tokens'],
    overwrite: options['overwrite'],
  };
  // absent options must be absent, not undefined: `idField` means more when it is there
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as Omit<JobOptions, 'model'>;
}
