/** native-transformers: Hugging Face Transformers' model layer for Node.js. */

export * from './auto/auto-config';
export * from './auto/auto-model';
export * from './auto/causal-heads';
export { type ConvertOptions, type ConvertReport, convertCheckpoint } from './auto/convert-checkpoint';
export { type ConvertToGgufOptions, convertToGguf, type GgufReport } from './auto/convert-to-gguf';
export * from './auto/framework-autos';
export type { NativeInfo } from './binding/addon';
export { memoryStats, nativeInfo } from './binding/runtime';
export { type Environment, env } from './env';
export * from './errors';
export type { GenerateOptions } from './generation/generate';
export { GenerationConfig } from './generation/generation-config';
export * from './hub';
export { LogLevel, setLogHook, setLogLevel } from './logging';
export * from './models';
export * from './models/flax';
export * from './models/tensorflow';
export { DynamicCache, type KeyValue } from './nn/cache';
export { apply_chunking_to_forward } from './nn/chunked-forward';
export { Conv1D } from './nn/conv1d';
export { Embedding } from './nn/embedding';
export { type CrossKeyValue, EncoderDecoderCache } from './nn/encoder-decoder-cache';
export { Linear } from './nn/linear';
export {
  find_pruneable_heads_and_indices,
  prune_conv1d_layer,
  prune_layer,
  prune_linear_layer,
} from './nn/prune';
export { PoolerAnswerClass, PoolerEndLogits, PoolerStartLogits } from './nn/span-poolers';
export * from './pipelines';
export * from './preprocess';
export { PretrainedConfig } from './pretrained/config';
export type { DecoderModel } from './pretrained/decoder-model';
export type {
  FromPretrainedOptions,
  FromPretrainedOptions as PretrainedModelOptions,
  LoadingInfo,
  ProgressCallback,
  ProgressInfo,
} from './pretrained/from-pretrained';
export { set_seed } from './pretrained/init';
export { load_sharded_checkpoint } from './pretrained/load-sharded-checkpoint';
export { ModelOutput } from './pretrained/model-output';
export {
  ModuleUtilsMixin,
  ModuleUtilsMixin as TFModelUtilsMixin,
  ModuleUtilsMixin as TFModuleUtilsMixin,
} from './pretrained/module-mixin';
export { type CallOptions, type ModelInputs, PreTrainedModel } from './pretrained/pretrained-model';
export type { SaveFunction, SavePretrainedOptions } from './pretrained/save-options';
export { SequenceSummary } from './pretrained/sequence-summary';
export { SQuADHead } from './pretrained/squad-head';
export { type FlaxArguments, FlaxPreTrainedModel } from './pretrained/views/flax';
export type { FlaxMask, FlaxTree } from './pretrained/views/flax-tree';
export type { BiasMap } from './pretrained/views/head-bias';
export type { TensorSpec } from './pretrained/views/serving';
export { TFPreTrainedModel } from './pretrained/views/tensorflow';
export {
  get_checkpoint_shard_files,
  load_state_dict,
  no_init_weights,
  shard_checkpoint,
  unwrap_model,
} from './pretrained/weights-functions';
export type { DType, TypedArray } from './tensor/dtype';
export * from './tensor/functions';
export { Stream } from './tensor/stream';
export { type NestedArray, Tensor, type TensorData } from './tensor/tensor';
