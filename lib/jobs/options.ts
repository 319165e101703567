import type { Readable } from 'node:stream';
import { unknownName, ValueError } from '../errors';
import { checkOptionKinds, givenOptions, type OptionKind } from '../options';
import type { FormatRows, JobModel } from './engine';
import { isIndex } from './input/csv';
import type { Input, InputFormat } from './input/inputs';
import type { JobEvent } from './progress';

export type OutputFormat = 'jsonl' | 'npy' | 'safetensors' | 'parquet';

/** What `runJob` takes. */
export interface JobOptions {
  /** The model, or the promise of it: inputs are read through while it loads. */
  model: JobModel | PromiseLike<JobModel>;
  /** Paths and patterns; `-` is standard input. Files may be gzip. */
  inputs: readonly string[];
  /** The folder that takes the result. */
  output: string;
  /** Default `jsonl`. */
  format?: OutputFormat;
  /** Default: by the name of a file, else by its first character. */
  inputFormat?: InputFormat;
  /** Field of the text: a JSON key, a CSV column by header or by index from 0. Default `text`. */
  textField?: string;
  /** Field of the id. Default `id`, where a row has it. */
  idField?: string;
  /** Of CSV. Default a comma; a tab for `.tsv`. */
  delimiter?: string;
  /** Whether the first CSV record names the columns. Default: yes, unless `textField` is an index. */
  csvHeader?: boolean;
  /** Records in one part. Default 4096. */
  shardRows?: number;
  /** Longest record in bytes. Default 4 MiB. */
  maxRowBytes?: number;
  /** Tokens in one batch. Default: what the model asks for. */
  batchTokens?: number;
  /** Drop the run that the folder holds. */
  overwrite?: boolean;
  /** Writes vectors as text; needed for `jsonl`. */
  formatRows?: FormatRows;
  /** In place of the process's own. */
  stdin?: Readable;
  /** Stops at once; the promise rejects with an AbortError. What is committed stays. */
  signal?: AbortSignal;
  /** Stops after the batches that are running; the result then says `drained`. */
  drain?: AbortSignal;
  /** Hears what the job does. */
  onEvent?: (event: JobEvent) => void;
}

/** The options that decide what is written: a run goes on only where all of these are the same. */
export interface JobSpec {
  format: OutputFormat;
  input_format: InputFormat | null;
  text_field: string;
  id_field: string;
  delimiter: string | null;
  csv_header: boolean | null;
  shard_rows: number;
  max_row_bytes: number;
}

const DEFAULT_SHARD_ROWS = 4096;
const DEFAULT_MAX_ROW_BYTES = 4 * 1024 * 1024;
const OUTPUT_FORMATS: readonly OutputFormat[] = ['jsonl', 'npy', 'safetensors', 'parquet'];
const INPUT_FORMATS: readonly InputFormat[] = ['jsonl', 'csv', 'lines'];

// A record type of all keys, so that an option cannot be added without its name here.
const KNOWN: Record<keyof JobOptions, true> = {
  model: true,
  inputs: true,
  output: true,
  format: true,
  inputFormat: true,
  textField: true,
  idField: true,
  delimiter: true,
  csvHeader: true,
  shardRows: true,
  maxRowBytes: true,
  batchTokens: true,
  overwrite: true,
  formatRows: true,
  stdin: true,
  signal: true,
  drain: true,
  onEvent: true,
};

const KINDS: Readonly<Record<string, OptionKind>> = {
  inputs: 'list',
  output: 'string',
  textField: 'string',
  idField: 'string',
  delimiter: 'string',
  csvHeader: 'boolean',
  overwrite: 'boolean',
  formatRows: 'function',
  onEvent: 'function',
};

/** What was given to `runJob`: a null is as good as nothing. */
export function givenJobOptions(options: JobOptions): JobOptions {
  return Object.fromEntries(
    Object.entries(givenOptions(options, 'runJob')).filter(([, value]) => value !== null),
  ) as unknown as JobOptions;
}

/**
 * The checked options of a job, with defaults.
 * @throws TypeError on an unknown option, ValueError on a value that cannot be
 */
export function jobSpec(options: JobOptions): JobSpec {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, name)) throw unknownName('option', name, 'runJob', Object.keys(KNOWN));
  }
  checkOptionKinds('runJob', options, KINDS);
  for (const name of ['output', 'textField', 'idField'] as const)
    if (options[name] === '')
      throw invalid(name, name === 'output' ? 'the path of a folder' : 'the name of a field', '');
  const { textField = 'text', idField = 'id', delimiter = null, csvHeader = null } = options;
  if (delimiter !== null && !/^[\t\x20-\x7e]$/.test(delimiter))
    throw invalid('delimiter', 'one ASCII character', delimiter);
  if (csvHeader === false && !isIndex(textField)) {
    throw invalid('textField', 'the index of a column, as the CSV files have no header', textField);
  }
  if (options.batchTokens !== undefined) positive('batchTokens', options.batchTokens);
  return {
    format: oneOf('format', options.format ?? 'jsonl', OUTPUT_FORMATS),
    input_format: options.inputFormat === undefined ? null : oneOf('inputFormat', options.inputFormat, INPUT_FORMATS),
    text_field: textField,
    id_field: idField,
    delimiter,
    csv_header: csvHeader,
    shard_rows: positive('shardRows', options.shardRows ?? DEFAULT_SHARD_ROWS),
    max_row_bytes: positive('maxRowBytes', options.maxRowBytes ?? DEFAULT_MAX_ROW_BYTES),
  };
}

/**
 * Refuses options that no input heeds. Inputs whose format their first bytes will tell are not known yet: these are no
 * CSV, and lines that come from one of them are told in a note.
 * @throws ValueError `ERR_OPTION_VALUE`
 */
export function checkHeeded({ textField, delimiter, csvHeader }: JobOptions, inputs: readonly Input[]): void {
  const unheeded = (option: string, is: string, way: string) =>
    new ValueError(`${option} says nothing here, because ${is}: ${way}, or leave it out`, { code: 'ERR_OPTION_VALUE' });
  const csvOption = delimiter !== undefined ? 'delimiter' : csvHeader !== undefined ? 'csvHeader' : null;
  if (csvOption !== null && !inputs.some(({ format }) => format === 'csv'))
    throw unheeded(csvOption, 'no input is CSV by its name (.csv, .tsv)', 'say that it is with --input-format csv');
  if (textField !== undefined && inputs.every(({ format }) => format === 'lines'))
    throw unheeded('textField', 'every input is plain lines, which have no fields', 'give another --input-format');
}

/**
 * The keys that a job adds to a row.
 * @throws ValueError when the model's task cannot be written in the format, or the text field is one of the keys
 */
export function addedKeys(model: JobModel, spec: JobSpec): readonly string[] {
  const keys = model.task === 'embed' ? ['embedding'] : ['label', 'score'];
  if (model.task === 'classify' && (spec.format === 'npy' || spec.format === 'safetensors')) {
    throw invalid('format', "'jsonl' or 'parquet' for labels and scores", spec.format);
  }
  if (spec.format === 'jsonl' && keys.includes(spec.text_field)) {
    throw invalid('textField', `another field than '${spec.text_field}', which the job writes`, spec.text_field);
  }
  return keys;
}

function oneOf<Name extends string>(option: string, value: Name, known: readonly Name[]): Name {
  if (known.includes(value)) return value;
  throw invalid(option, `one of ${known.join(', ')}`, value);
}

function positive(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw invalid(option, 'a whole number above 0', value);
}

function invalid(option: string, expected: string, value: unknown): ValueError {
  return new ValueError(`${option} must be ${expected}, got ${JSON.stringify(value)}`, { code: 'ERR_OPTION_VALUE' });
}
