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
  BertTokenizer,
  BertTokenizer as BertTokenizerFast,
  CamembertTokenizer,
  CamembertTokenizer as CamembertTokenizerFast,
  DistilBertTokenizer,
  DistilBertTokenizer as DistilBertTokenizerFast,
  ElectraTokenizer,
  ElectraTokenizer as ElectraTokenizerFast,
  MPNetTokenizer,
  MPNetTokenizer as MPNetTokenizerFast,
  RobertaTokenizer,
  RobertaTokenizer as RobertaTokenizerFast,
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
