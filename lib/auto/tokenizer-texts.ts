import { AutoTokenizer } from '../preprocess/tokenizer/auto-tokenizer';

/**
 * The files of the tokenizer at `location`, a folder or a GGUF file, by name: as saving it writes them.
 * @throws as `AutoTokenizer.from_pretrained`
 */
export async function tokenizerTexts(location: string, signal?: AbortSignal): Promise<Map<string, string>> {
  const tokenizer = await AutoTokenizer.from_pretrained(location, { ...(signal && { signal }) });
  try {
    return new Map(Array.from(await tokenizer.files(), ([name, bytes]) => [name, Buffer.from(bytes).toString('utf8')]));
  } finally {
    tokenizer.dispose();
  }
}
