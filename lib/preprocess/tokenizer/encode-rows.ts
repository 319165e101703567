import { ValueError } from '../../errors';
import type { Backend, TokenRange } from '../backend/backend';
import { inLanes, rangesOf } from '../backend/lanes';
import type { CallPlan } from './call-options';
import { countSpecialTokens, type PostProcessor } from './post-processor';
import { joinWords, layOut, type Row } from './rows';
import type { Samples, Text } from './samples';
import { type Limit, truncate } from './truncation';

/** Samples that go to the tokenizer thread at once. */
const kBlockSamples = 256;

/** What turns the samples of a call into rows. */
export interface RowMaker {
  plan: CallPlan;
  backend: Backend;
  postProcessor: PostProcessor;
  /** Whether rows need the texts of their tokens. */
  tokens: boolean;
}

/** Encodes samples and lays each out as a row, and as rows for its windows where the plan asks for them. */
export async function encodeRows(samples: Samples, maker: RowMaker): Promise<Row[]> {
  const { plan, postProcessor } = maker;
  const limits = [limitFor(plan, postProcessor.single), limitFor(plan, postProcessor.pair)] as const;
  checkStride(plan, limits[0]);
  const blocks = await inLanes(
    rangesOf(samples.length, kBlockSamples),
    async ([start, stop]) => {
      const block = Array.from({ length: stop - start }, (_, i) => samples.at(start + i));
      const encoded = await encodeTexts(block.flat(), maker);
      let next = 0;
      return block.flatMap((texts, i) => {
        const ranges = encoded.slice(next, (next += texts.length));
        return rowsOf(start + i, ranges, limits[texts.length - 1] as () => Limit, maker);
      });
    },
    plan.signal,
  );
  return blocks.flat();
}

function rowsOf(
  sample: number,
  ranges: readonly TokenRange[],
  limit: () => Limit,
  { plan, postProcessor }: RowMaker,
): Row[] {
  const spans = truncateSample(sample, ranges, limit);
  const template = ranges.length === 1 ? postProcessor.single : postProcessor.pair;
  return layOut(sample, ranges, spans, template, {
    addSpecialTokens: plan.addSpecialTokens,
    overflow: plan.returnOverflowingTokens,
  });
}

function truncateSample(i: number, ranges: readonly TokenRange[], limit: () => Limit): ReturnType<typeof truncate> {
  try {
    return truncate(
      ranges.map(({ start, stop }) => stop - start),
      limit(),
    );
  } catch (error) {
    (error as Error).message += ` (sample ${i})`;
    throw error;
  }
}

/** The tokens of every text, in order. */
async function encodeTexts(
  texts: readonly Text[],
  { plan, backend, postProcessor, tokens }: RowMaker,
): Promise<TokenRange[]> {
  const { trims } = postProcessor;
  const wanted = { offsets: plan.columns.includes('offset_mapping'), words: !plan.splitIntoWords, tokens, trims };
  if (!plan.splitIntoWords) return backend.encode(texts as string[], wanted, plan.signal);
  const words = await backend.encode((texts as string[][]).flat(), wanted, plan.signal);
  let next = 0;
  return (texts as string[][]).map((text) => joinWords(words.slice(next, (next += text.length))));
}

/** A stride that no window could have is an error even where nothing is cut, as in tokenizers. */
function checkStride(plan: CallPlan, limit: () => Limit): void {
  if (plan.truncation === 'do_not_truncate' || plan.stride === 0) return;
  const { room } = limit();
  if (plan.stride > room)
    throw new ValueError(
      `stride ${plan.stride} must be less than the ${room} tokens that max_length ${plan.maxLength} leaves for a text`,
      { code: 'ERR_TRUNCATION' },
    );
}

/** The limit for rows of a template; it fails only when a row is truncated by it. */
function limitFor(plan: CallPlan, template: PostProcessor['single']): () => Limit {
  const specials = plan.addSpecialTokens ? countSpecialTokens(template) : 0;
  const room = (plan.maxLength ?? Number.POSITIVE_INFINITY) - specials;
  const limit: Limit = { room, strategy: plan.truncation, stride: plan.stride, side: plan.truncationSide };
  return () => {
    if (plan.truncation !== 'do_not_truncate' && room < 0)
      throw new ValueError(
        `max_length ${plan.maxLength} leaves no room beside ${specials} special tokens; raise it, or pass add_special_tokens: false`,
        { code: 'ERR_TRUNCATION' },
      );
    return limit;
  };
}
