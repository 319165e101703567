import type { ClassifyModel, EmbedModel, FormatRows, TokenRow } from '../../lib/jobs/engine';

interface Log {
  /** Token counts of each batch that `run` was given. */
  batches: number[][];
  inFlight: number;
  mostInFlight: number;
  /** Makes every batch fail. */
  failAll: boolean;
  disposed: number;
}

interface Settings {
  dim?: number;
  delayMs?: number;
  concurrency?: number;
  batchTokens?: number;
  fingerprint?: Record<string, unknown>;
}

export function vectorOf(text: string, dim: number): Float32Array;
export function classOf(text: string): { label: string; index: number; score: number };
export function fakeEmbedder(settings?: Settings): EmbedModel<TokenRow> & { log: Log };
export function fakeClassifier(settings?: Omit<Settings, 'dim'>): ClassifyModel<TokenRow> & { log: Log };
export function shortest(value: number): string;
export const formatRows: FormatRows;
export const LABELS: string[];
