import type { Limits, Machine } from './machine';
import type { Sample } from './sampling';
import type { JobResult } from './sections/jobs';
import type { ModelResult } from './sections/models';
import type { OpResult } from './sections/ops';
import type { MemoryResult } from './sections/process';

/** Everything that one run measured; what bench/results/*.json holds. */
export interface BenchResult {
  machine: Machine;
  /** Load averages when the run ended. */
  loadAfter: number[];
  limits: Limits | null;
  isa: string;
  threads: number;
  /** Version by engine, ours first. */
  versions: Record<string, string>;
  ops: OpResult[];
  models: ModelResult[];
  jobs: JobResult[];
  /** Whole processes, import to first vector. */
  firstVector: Sample | null;
  memory: MemoryResult[];
  /** Section → why it ended early. */
  failures: Record<string, string>;
}

/** Our own name among the engines. */
export const OURS = 'native-transformers';
export const ORT = 'onnxruntime-node';
export const TJS = '@huggingface/transformers';
export const TORCH = 'torch';
export const ST = 'sentence-transformers';
