import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export const sections = ['ops', 'models', 'jobs', 'process', 'memory'] as const;

export type Section = (typeof sections)[number];

/** What `npm run bench` is asked for. */
export interface BenchOptions {
  only: readonly Section[];
  model: string;
  /** Folder whose node_modules has onnxruntime-node and @huggingface/transformers. */
  peers: string | null;
  /** A Python that has torch and sentence-transformers. */
  python: string | null;
  threads: number;
  rounds: number;
  turnMs: number;
  patienceMs: number;
  rows: number;
  /** Where random checkpoints are kept; null is a folder that goes away. */
  work: string | null;
  svg: boolean;
  quick: boolean;
}

export const usage = `npm run bench -- [options]

  --only LIST      sections to run, of ${sections.join(', ')}; all but memory when left out
  --peers DIR      a folder with node_modules/onnxruntime-node and node_modules/@huggingface/transformers
  --python PATH    a Python that has torch, transformers and sentence-transformers
  --model DIR      the checkpoint that jobs embed with (default ../shared/models/all-MiniLM-L6-v2)
  --threads N      compute threads of every engine (default: cores)
  --rounds N       turns of each engine (default 3)
  --turn MS        length of a turn (default 1500)
  --patience S     on a busy machine, seconds that a model may take until each engine was timed undisturbed five
                   times (default 0)
  --rows N         texts of the job (default 2000)
  --work DIR       folder for random checkpoints, kept between runs (default: a temporary folder, removed at the end)
  --svg            write docs/speed.svg
  --quick          tiny sizes, to see whether everything works; its figures mean nothing
  --help

  npm run bench -- --only models,jobs --peers ./peers --python ./venv/bin/python --svg
`;

/** @throws Error naming what cannot be */
export function parseOptions(args: readonly string[]): BenchOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      python: { type: 'string' },
      model: { type: 'string', default: '../shared/models/all-MiniLM-L6-v2' },
      threads: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      turn: { type: 'string', default: '1500' },
      patience: { type: 'string' },
      rows: { type: 'string', default: '2000' },
      work: { type: 'string' },
      svg: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const only = (values.only?.split(',') ?? sections.filter((name) => name !== 'memory')) as Section[];
  for (const name of only)
    if (!sections.includes(name)) throw new Error(`no section '${name}'; there are ${sections.join(', ')}`);
  return {
    only,
    model: resolve(values.model),
    peers: values.peers === undefined ? null : resolve(values.peers),
    python: values.python ?? null,
    threads: values.threads === undefined ? availableParallelism() : positive('threads', values.threads),
    rounds: positive('rounds', values.rounds),
    turnMs: positive('turn', values.turn),
    patienceMs: values.patience === undefined ? 0 : 1000 * positive('patience', values.patience),
    rows: positive('rows', values.rows),
    work: values.work === undefined ? null : resolve(values.work),
    svg: values.svg,
    quick: values.quick,
  };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${option} must be a whole number above 0, got '${text}'`);
}
