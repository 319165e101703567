import { TypeError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import type { Tensor } from '../tensor/tensor';
import { inBlocks } from './batch-runner';
import {
  type AggregationStrategy,
  aggregationStrategies,
  dropOverlaps,
  groupEntities,
  isSubword,
  type LabelledToken,
  labelTokens,
  labelWords,
  type ScoredToken,
} from './entities';
import { type CallOptions, checkChoice, checkInteger, describe, Pipeline, textsOf } from './pipeline';
import { softmax } from './scores';
import { type TokenColumns, type Tokenized, tokenizeRows } from './token-rows';

/** A token with its label: `aggregation_strategy` 'none'. */
export type TokenClassificationSingle = LabelledToken;

/** An entity: every other `aggregation_strategy`. */
export interface TokenClassificationGroup {
  entity_group: string;
  score: number;
  word: string;
  /** Where it is in the text, in UTF-16 units. */
  start: number;
  end: number;
}

export interface TokenClassificationOptions extends CallOptions {
  /** Labels to leave out (default ['O']). */
  ignore_labels?: readonly string[] | null;
  /** 'none' (default), 'simple', 'first', 'average', 'max'. */
  aggregation_strategy?: AggregationStrategy | null;
  /** Reads long texts to their end, in windows that share so many tokens. Not with 'none'. */
  stride?: number | null;
}

type Grouped = { aggregation_strategy: Exclude<AggregationStrategy, 'none'> };

export interface TokenClassificationPipeline {
  (text: string, options: TokenClassificationOptions & Grouped): Promise<TokenClassificationGroup[]>;
  (texts: readonly string[], options: TokenClassificationOptions & Grouped): Promise<TokenClassificationGroup[][]>;
  (text: string, options?: TokenClassificationOptions): Promise<TokenClassificationSingle[]>;
  (texts: readonly string[], options?: TokenClassificationOptions): Promise<TokenClassificationSingle[][]>;
}

/** Labels of tokens, and the entities that they make up. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: instances are functions, see Pipeline
export class TokenClassificationPipeline extends Pipeline {
  static override readonly call_options = ['ignore_labels', 'aggregation_strategy', 'stride'];

  /**
   * The labelled tokens of a text, or its entities; a list of them for a list of texts.
   * @throws TypeError for unknown options, ValueError for values that cannot be, AbortError
   */
  override async _call(
    input: string | readonly string[],
    options?: TokenClassificationOptions,
  ): Promise<Entity[] | Entity[][]> {
    const settled = this.settle(options);
    const { texts, single } = textsOf(this.task, input);
    const strategy = this.strategyOf(settled);
    const ignored = new Set(ignoredLabels(settled.ignore_labels));
    const windows = this.windowsOf(settled);
    const { signal } = settled;
    const results: Entity[][] = texts.map(() => []);
    const tokenize = (start: number, stop: number) =>
      tokenizeRows(this.tokenizer, texts.slice(start, stop), {
        truncation: true,
        return_special_tokens_mask: true,
        return_offsets_mapping: true,
        ...windows,
        ...(signal && { signal }),
      });
    await inBlocks(texts.length, tokenize, async (tokenized, start) => {
      const sampleOf = (row: number) => start + (tokenized.columns.overflow_to_sample_mapping?.[row] ?? row);
      const scored = await this.score(tokenized, (row) => texts[sampleOf(row)] as string, signal);
      const entities = await this.entitiesOf(scored, strategy, signal);
      entities.forEach((ofRow, row) => {
        results[sampleOf(row)]?.push(...ofRow.filter((entity) => !ignored.has(nameOf(entity))));
      });
      for (const sample of windowed(tokenized))
        results[start + sample] = dropOverlaps(results[start + sample] as Entity[]);
    });
    return single ? (results[0] as Entity[]) : results;
  }

  private strategyOf({ aggregation_strategy, stride }: TokenClassificationOptions): AggregationStrategy {
    const named = aggregation_strategy?.toLowerCase();
    const strategy = checkChoice(this.task, 'aggregation_strategy', named ?? 'none', aggregationStrategies);
    if (stride != null && named === 'none')
      throw new ValueError("stride needs an aggregation_strategy that puts tokens together, and it is 'none'");
    if (strategy !== 'none' && strategy !== 'simple' && this.tokenizer.subwordPrefix === null)
      warnOnce(`this tokenizer does not mark words: aggregation_strategy '${strategy}' takes spaces for their ends`);
    return strategy;
  }

  private windowsOf({ stride }: TokenClassificationOptions): { stride?: number; return_overflowing_tokens?: boolean } {
    if (stride === undefined || stride === null) return {};
    checkInteger(this.task, 'stride', stride, 0);
    const { model_max_length } = this.tokenizer;
    if (stride >= model_max_length)
      throw new ValueError(`stride ${stride} must be less than the tokenizer's model_max_length, ${model_max_length}`);
    return { stride, return_overflowing_tokens: true };
  }

  /** The tokens of each row, special ones left out, with the probabilities of their labels. */
  private async score(
    { rows, columns }: Tokenized,
    textOf: (row: number) => string,
    signal: AbortSignal | undefined,
  ): Promise<ScoredToken[][]> {
    const scored: ScoredToken[][] = new Array(rows.length);
    await this.batches.run(
      rows,
      (inputs) => [this.model.forward(inputs)['logits'] as Tensor],
      ([logits], batch) => {
        const [, length, labels] = (logits as Tensor).dims as [number, number, number];
        const data = (logits as Tensor).data as Float32Array;
        batch.forEach((row, b) => {
          scored[row] = this.tokensOf(columns, row, textOf(row), (t) =>
            softmax(data.subarray((b * length + t) * labels, (b * length + t + 1) * labels)),
          );
        });
      },
      signal,
    );
    return scored;
  }

  private tokensOf(
    columns: TokenColumns,
    row: number,
    text: string,
    scoresAt: (t: number) => Float64Array,
  ): ScoredToken[] {
    const { tokenizer } = this;
    const isSpecial = columns.special_tokens_mask?.[row] as number[];
    const offsets = columns.offset_mapping?.[row] as [number, number][];
    const tokens: ScoredToken[] = [];
    (columns.input_ids[row] as number[]).forEach((id, index) => {
      if (isSpecial[index]) return;
      const [start, end] = offsets[index] as [number, number];
      const isUnknown = id === tokenizer.unk_token_id;
      const word = isUnknown ? text.slice(start, end) : (tokenizer.convert_ids_to_tokens(id) ?? '');
      const goesOn = !isUnknown && isSubword(tokenizer, text, word, start, end);
      tokens.push({ word, scores: scoresAt(index), index, start, end, isSubword: goesOn });
    });
    return tokens;
  }

  /** The entities of each row. */
  private async entitiesOf(
    rows: readonly ScoredToken[][],
    strategy: AggregationStrategy,
    signal: AbortSignal | undefined,
  ): Promise<Entity[][]> {
    const labelOf = (id: number): string => this.model.config.id2label[id] ?? `LABEL_${id}`;
    if (strategy === 'none') return rows.map((tokens) => labelTokens(tokens, labelOf));
    const labelled =
      strategy === 'simple'
        ? rows.map((tokens) => labelTokens(tokens, labelOf))
        : await this.joined(
            rows.map((tokens) => labelWords(tokens, strategy, labelOf)),
            signal,
          );
    return this.joined(labelled.map(groupEntities), signal);
  }

  /** The same with `word` in place of its parts. */
  private async joined<E extends { words: string[]; start: number; end: number }>(
    rows: readonly E[][],
    signal: AbortSignal | undefined,
  ): Promise<(Omit<E, 'words' | 'start' | 'end'> & { word: string; start: number; end: number })[][]> {
    const lists = rows.flatMap((entities) => entities.map(({ words }) => words));
    const texts =
      lists.length > 0 ? await this.tokenizer.convert_tokens_to_string(lists, signal ? { signal } : {}) : [];
    let next = 0;
    return rows.map((entities) =>
      entities.map(({ words: _, start, end, ...rest }) => ({ ...rest, word: texts[next++] as string, start, end })),
    );
  }
}

type Entity = TokenClassificationSingle | TokenClassificationGroup;

function nameOf(entity: Entity): string {
  return 'entity' in entity ? entity.entity : entity.entity_group;
}

function ignoredLabels(labels: unknown): readonly string[] {
  if (labels === undefined || labels === null) return ['O'];
  if (Array.isArray(labels) && labels.every((label) => typeof label === 'string')) return labels;
  throw new TypeError(`ignore_labels must be a list of labels, not ${describe(labels)}`);
}

/** The samples that have more than one row. */
function windowed({ columns }: Tokenized): Set<number> {
  const mapping = columns.overflow_to_sample_mapping ?? [];
  return new Set(mapping.filter((sample, row) => row > 0 && mapping[row - 1] === sample));
}
