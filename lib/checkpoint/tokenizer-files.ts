/** The names that Transformers gives to the files of tokenizers, which lie beside weights. */

export const kTokenizerFile = 'tokenizer.json';
export const kTokenizerConfigFile = 'tokenizer_config.json';
export const kSpecialTokensMapFile = 'special_tokens_map.json';
export const kAddedTokensFile = 'added_tokens.json';

/** Vocabularies in the formats of older libraries. */
export const kVocabularyFiles: readonly string[] = [
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'spiece.model',
  'sentencepiece.bpe.model',
  'spm.model',
  'tokenizer.model',
];

/** All files that a tokenizer may be made of. */
export const kTokenizerFiles: readonly string[] = [
  kTokenizerFile,
  kTokenizerConfigFile,
  kSpecialTokensMapFile,
  kAddedTokensFile,
  ...kVocabularyFiles,
  'chat_template.jinja',
];
