import { ValueError } from '../../errors';
import { warn } from '../../logging';
import { checkOptionKinds, givenOptions } from '../../options';
import * as classes from './classes';
import type { JsonObject, TokenizerFolder } from './folder';
import { type FromPretrainedOptions, findFolder, kLoadKinds, loadTokenizer, type TokenizerClass } from './load';
import { PreTrainedTokenizer } from './pretrained-tokenizer';

/** Tokenizer classes by the name that tokenizer_config.json gives them, without 'Fast'. */
const kClasses = new Map<string, TokenizerClass>(Object.entries({ ...classes, PreTrainedTokenizer }));

/** Tokenizer class of a model family, for folders that name none. */
const kClassOfModel = new Map<string, TokenizerClass>([
  ['albert', classes.AlbertTokenizer],
  ['bart', classes.BartTokenizer],
  ['bert', classes.BertTokenizer],
  ['camembert', classes.CamembertTokenizer],
  ['distilbert', classes.DistilBertTokenizer],
  ['electra', classes.ElectraTokenizer],
  ['gpt2', classes.GPT2Tokenizer],
  ['llama', classes.LlamaTokenizer],
  ['modernbert', classes.TokenizersBackend],
  ['mpnet', classes.MPNetTokenizer],
  ['qwen2', classes.Qwen2Tokenizer],
  ['roberta', classes.RobertaTokenizer],
  ['t5', classes.T5Tokenizer],
  ['xlm-roberta', classes.XLMRobertaTokenizer],
]);

/** Chooses the tokenizer class of a folder and loads it. */
// biome-ignore lint/complexity/noStaticOnlyClass: the name and the method are Transformers'
export class AutoTokenizer {
  /**
   * Loads the tokenizer of a folder with the class that tokenizer_config.json names, else config.json, else the model's
   * family. A class that is not known here is loaded as `PreTrainedTokenizer`, with a warning.
   * @throws as `PreTrainedTokenizer.from_pretrained`
   */
  static async from_pretrained(path: string, given?: FromPretrainedOptions | null): Promise<PreTrainedTokenizer> {
    const options = givenOptions(given, 'AutoTokenizer.from_pretrained');
    checkOptionKinds('AutoTokenizer.from_pretrained', options, kLoadKinds);
    if (typeof path !== 'string') return loadTokenizer(PreTrainedTokenizer, path, options);
    const folder = await findFolder(path, options);
    return loadTokenizer(classFor(folder, options), path, options, folder);
  }
}

function classFor(folder: TokenizerFolder, options: FromPretrainedOptions): TokenizerClass {
  if (options.tokenizer_type != null) {
    const asked = kClassOfModel.get(options.tokenizer_type);
    if (asked) return asked;
    throw new ValueError(
      `tokenizer_type '${options.tokenizer_type}' is not known; it can be ${[...kClassOfModel.keys()].join(', ')}`,
    );
  }
  if (folder.vocabulary) return classes.TokenizersBackend; // what the GGUF file says is all there is
  const modelConfig = (options.config ?? folder.modelConfig) as JsonObject | null;
  const name = folder.config?.['tokenizer_class'] ?? modelConfig?.['tokenizer_class'];
  if (typeof name !== 'string') return kClassOfModel.get(String(modelConfig?.['model_type'])) ?? PreTrainedTokenizer;
  const found = kClasses.get(name.replace(/Fast$/, ''));
  if (found) return found;
  warn(`the tokenizer class '${name}' of '${folder.path}' is not known; it is loaded as PreTrainedTokenizer`);
  return PreTrainedTokenizer;
}
