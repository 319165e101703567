import type { Command } from './command';
import { ExitCode } from './exit-code';
import { facts } from './table';

/** What a bug report needs: facts by group, and what is wrong. */
export interface Diagnosis {
  groups: { title: string; facts: [string, string][] }[];
  /** Each a sentence with the way out; empty when all is well. */
  problems: string[];
}

/** `native-transformers doctor`. */
export function doctorCommand(diagnose: () => Promise<Diagnosis>): Command {
  return {
    name: 'doctor',
    summary: 'Show what a bug report needs: versions, build, instruction sets, threads, memory.',
    positional: null,
    options: { json: { type: 'boolean', help: 'print JSON' } },
    examples: [{ line: 'native-transformers doctor', what: 'paste the output into a bug report' }],
    async run({ options }, { stdout }) {
      const found = await diagnose();
      stdout.write(options['json'] === true ? `${JSON.stringify(found, null, 2)}\n` : diagnosisText(found));
      return found.problems.length === 0 ? ExitCode.OK : ExitCode.UNAVAILABLE;
    },
  };
}

export function diagnosisText({ groups, problems }: Diagnosis): string {
  const sections = groups.map(({ title, facts: rows }) =>
    [title, ...facts(rows).map((line) => `  ${line}`)].join('\n'),
  );
  const verdict =
    problems.length === 0 ? 'No problems found.' : ['Problems', ...problems.map((line) => `  ${line}`)].join('\n');
  return `${[...sections, verdict].join('\n\n')}\n`;
}
