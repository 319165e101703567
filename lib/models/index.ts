// Made by scripts/make-models-index.cjs from the folders beside this file; run it after adding one.
import * as albert from './albert/model';
import * as bart from './bart/model';
import * as bert from './bert/model';
import * as camembert from './camembert/model';
import * as distilbert from './distilbert/model';
import * as electra from './electra/model';
import * as gpt2 from './gpt2/model';
import * as llama from './llama/model';
import * as modernbert from './modernbert/model';
import * as mpnet from './mpnet/model';
import * as qwen2 from './qwen2/model';
import * as roberta from './roberta/model';
import * as t5 from './t5/model';
import * as xlmRoberta from './xlm-roberta/model';

export * from './albert/model';
export * from './bart/model';
export * from './bert/model';
export * from './camembert/model';
export * from './distilbert/model';
export * from './electra/model';
export * from './gpt2/model';
export * from './llama/model';
export * from './modernbert/model';
export * from './mpnet/model';
export * from './qwen2/model';
export * from './roberta/model';
export * from './t5/model';
export * from './xlm-roberta/model';

/** The families by model_type. */
export const modelTypes = {
  albert,
  bart,
  bert,
  camembert,
  distilbert,
  electra,
  gpt2,
  llama,
  modernbert,
  mpnet,
  qwen2,
  roberta,
  t5,
  'xlm-roberta': xlmRoberta,
} as const;
