export type { AddedToken, SpecialToken } from './tokenizer/added-token';
export { AutoTokenizer } from './tokenizer/auto-tokenizer';
export {
  BatchEncoding,
  type EncodingColumns,
  type ListEncoding,
  type RowEncoding,
  type TensorEncoding,
} from './tokenizer/batch-encoding';
export type { TokenizerOptions } from './tokenizer/call-options';
export {
  AlbertTokenizer,
  AlbertTokenizer as AlbertTokenizerFast,
  BartTokenizer,
  BartTokenizer as BartTokenizerFast,
  BertTokenizer,
  BertTokenizer as BertTokenizerFast,
  CamembertTokenizer,
  CamembertTokenizer as CamembertTokenizerFast,
  DistilBertTokenizer,
  DistilBertTokenizer as DistilBertTokenizerFast,
  ElectraTokenizer,
  ElectraTokenizer as ElectraTokenizerFast,
  GPT2Tokenizer,
  GPT2Tokenizer as GPT2TokenizerFast,
  LlamaTokenizer,
  LlamaTokenizer as LlamaTokenizerFast,
  MPNetTokenizer,
  MPNetTokenizer as MPNetTokenizerFast,
  Qwen2Tokenizer,
  Qwen2Tokenizer as Qwen2TokenizerFast,
  RobertaTokenizer,
  RobertaTokenizer as RobertaTokenizerFast,
  T5Tokenizer,
  T5Tokenizer as T5TokenizerFast,
  TokenizersBackend,
  XLMRobertaTokenizer,
  XLMRobertaTokenizer as XLMRobertaTokenizerFast,
} from './tokenizer/classes';
export type { FileProgress, FromPretrainedOptions as PretrainedTokenizerOptions } from './tokenizer/load';
export {
  type DecodeOptions,
  type EncodeOptions,
  PreTrainedTokenizer,
  PreTrainedTokenizer as PreTrainedTokenizerFast,
  type TokenizeOptions,
} from './tokenizer/pretrained-tokenizer';
export type { TextInput } from './tokenizer/samples';
export type { SaveOptions } from './tokenizer/save';
export type { TokenIds } from './tokenizer/token-ids';
