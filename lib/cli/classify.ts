import type { ClassifyModel, FormatRows } from '../jobs/engine';
import type { ClassifySettings } from '../jobs/models';
import { runBatchCommand } from './batch';
import type { Command } from './command';
import { formatHelp, inputsPositional, jobOptionSpecs } from './job-options';

export interface ClassifyParts {
  load(settings: ClassifySettings): Promise<ClassifyModel>;
  formatRows(): FormatRows;
}

/** `native-transformers classify`. */
export function classifyCommand(parts: () => Promise<ClassifyParts>): Command {
  const { format, ...others } = jobOptionSpecs;
  return {
    name: 'classify',
    summary: 'Give every row of files its label and score.',
    positional: inputsPositional,
    options: {
      ...others,
      format: { ...format!, choices: ['jsonl', 'parquet'], help: formatHelp("'label' and 'score'") },
    },
    examples: [
      {
        line: 'native-transformers classify reviews.jsonl --model ./distilbert-sst2 -o out/',
        what: "label and score of the field 'text', as JSON lines in out/parts; the same line goes on after a kill",
      },
      {
        line: 'native-transformers classify reviews.csv --text-field 3 --format parquet -m ./distilbert-sst2 -o out/',
        what: 'the fourth column of a CSV file without a header, to Parquet',
      },
    ],
    async run(parsed, terminal) {
      const { load, formatRows } = await parts();
      const { model: folder, dtype } = parsed.options as { model: string; dtype?: string };
      const model = load(dtype === undefined ? { model: folder } : { model: folder, dtype });
      model.catch(() => {});
      return runBatchCommand({ verb: 'classify', model, formatRows: formatRows() }, parsed, terminal);
    },
  };
}
