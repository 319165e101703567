import type { EmbedModel, FormatRows } from '../jobs/engine';
import type { EmbedSettings } from '../jobs/models';
import type { PoolingMode } from '../tensor/ops/pool';
import { runBatchCommand } from './batch';
import type { Command, OptionSpec } from './command';
import { formatHelp, inputsPositional, jobOptionSpecs } from './job-options';

export interface EmbedParts {
  load(settings: EmbedSettings): Promise<EmbedModel>;
  formatRows(): FormatRows;
}

const POOLING: readonly PoolingMode[] = ['mean', 'cls', 'max', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'];

/** `native-transformers embed`. */
export function embedCommand(parts: () => Promise<EmbedParts>): Command {
  const { format, ...others } = jobOptionSpecs;
  return {
    name: 'embed',
    summary: 'Turn every row of files into a vector.',
    positional: inputsPositional,
    options: {
      ...others,
      format: { ...(format as OptionSpec), help: formatHelp("'embedding'") },
      pooling: {
        type: 'string',
        choices: POOLING,
        default: "the checkpoint's modules.json, else mean",
        help: 'how token vectors become one',
      },
      normalize: {
        type: 'boolean',
        negatable: true,
        default: "the checkpoint's modules.json, else no",
        help: 'scale vectors to length 1',
      },
      prompt: { type: 'string', help: 'text that goes before every row' },
      'prompt-name': { type: 'string', value: 'NAME', help: "a prompt of the checkpoint's own" },
    },
    examples: [
      {
        line: 'native-transformers embed texts.jsonl --model ./all-MiniLM-L6-v2 -o out/',
        what: "vectors of the field 'text', as JSON lines in out/parts; the same line goes on after a kill",
      },
      {
        line: "native-transformers embed 'data/*.csv.gz' --text-field body --id-field sku --format parquet -m ./all-MiniLM-L6-v2 -o out/",
        what: 'a column of many compressed CSV files, to Parquet',
      },
      {
        line: 'cut -f2 rows.tsv | native-transformers embed - --input-format lines --format npy -m ./all-MiniLM-L6-v2 -o out/',
        what: 'one text a line from a pipe, to NumPy',
      },
    ],
    async run(parsed, terminal) {
      const { load, formatRows } = await parts();
      const model = load(present(parsed.options));
      model.catch(() => {});
      return runBatchCommand({ verb: 'embed', model, formatRows: formatRows() }, parsed, terminal);
    },
  };
}

function present(options: Record<string, unknown>): EmbedSettings {
  const { model, dtype, pooling, normalize, prompt } = options;
  const settings = { model, dtype, pooling, normalize, prompt, prompt_name: options['prompt-name'] };
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as unknown as EmbedSettings;
}
