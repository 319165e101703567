import { NotImplementedError, ValueError } from '../../errors';

/**
 * What is put around and between the texts, read from the `post_processor` of a `tokenizer.json`. The library's own
 * post-processing is switched off, since it runs behind its truncation.
 */

/** A place in the template of a row: one of the texts, or special tokens. */
export type TemplatePiece =
  | { sequence: 0 | 1; typeId: number; overflowTypeId: number }
  | { special: { ids: number[]; tokens: string[] }; typeId: number };

export interface PostProcessor {
  single: TemplatePiece[];
  pair: TemplatePiece[];
  /** One entry per byte-level step that takes spaces out of offsets: whether the tokenizer puts a space before a text. */
  trims: boolean[];
}

type Json = Record<string, unknown>;

/** Number of special tokens that a template adds. */
export function countSpecialTokens(template: readonly TemplatePiece[]): number {
  return template.reduce((sum, piece) => sum + ('special' in piece ? piece.special.ids.length : 0), 0);
}

/** Reads a post-processor; null stands for none. @throws NotImplementedError for kinds that are not known */
export function readPostProcessor(json: unknown, path: string): PostProcessor {
  const steps = flatten(json as Json | null);
  const trims: boolean[] = [];
  let templates: Pick<PostProcessor, 'single' | 'pair'> | null = null;
  for (const step of steps) {
    if (trimsOffsets(step)) trims.push(step['add_prefix_space'] !== false);
    const found = readTemplates(step, path);
    if (found && templates)
      throw new NotImplementedError(`${path} puts special tokens around the text in two steps, which is not supported`);
    templates = found ?? templates;
  }
  return { ...(templates ?? kPlain), trims };
}

/** Without a template, the pair follows the text. */
const kPlain: Pick<PostProcessor, 'single' | 'pair'> = {
  single: [text(0, 0)],
  pair: [text(0, 0), text(1, 1)],
};

function flatten(json: Json | null): Json[] {
  if (json === null || json === undefined) return [];
  if (json['type'] === 'Sequence') return (json['processors'] as Json[]).flatMap(flatten);
  return [json];
}

function trimsOffsets(step: Json): boolean {
  return (step['type'] === 'ByteLevel' || step['type'] === 'RobertaProcessing') && step['trim_offsets'] !== false;
}

function readTemplates(step: Json, path: string): Pick<PostProcessor, 'single' | 'pair'> | null {
  switch (step['type']) {
    case 'ByteLevel':
      return null;
    case 'TemplateProcessing':
      return {
        single: forOneText(readTemplate(step['single'], step['special_tokens'], path), path),
        pair: readTemplate(step['pair'], step['special_tokens'], path),
      };
    case 'BertProcessing': {
      const [cls, sep] = [named(step['cls'], 0), named(step['sep'], 0)];
      return { single: [cls, text(0, 0), sep], pair: [cls, text(0, 0), sep, text(1, 1), named(step['sep'], 1)] };
    }
    case 'RobertaProcessing': {
      const [cls, sep] = [named(step['cls'], 0), named(step['sep'], 0)];
      return { single: [cls, text(0, 0), sep], pair: [cls, text(0, 0), sep, sep, text(1, 0), sep] };
    }
    default:
      throw new NotImplementedError(`${path} has a post_processor of type '${step['type']}', which is not supported`);
  }
}

/** In a window after the first one the library leaves a template's text with the number of the text as its type. */
function readTemplate(pieces: unknown, specialTokens: unknown, path: string): TemplatePiece[] {
  const known = specialTokens as Record<string, { ids: number[]; tokens: string[] } | undefined>;
  return (pieces as Json[]).map((piece) => {
    const sequence = piece['Sequence'] as { id: string; type_id: number } | undefined;
    if (sequence) {
      const index = sequence.id === 'A' ? 0 : 1;
      return { sequence: index, typeId: sequence.type_id, overflowTypeId: index };
    }
    const { id, type_id: typeId } = piece['SpecialToken'] as { id: string; type_id: number };
    const special = known[id];
    if (special === undefined)
      throw new ValueError(`the post_processor of ${path} names '${id}', which its special_tokens do not have`);
    return { special: { ids: special.ids, tokens: special.tokens }, typeId };
  });
}

/** @throws ValueError where the row of one text has a place for a second one */
function forOneText(template: TemplatePiece[], path: string): TemplatePiece[] {
  if (!template.some((piece) => 'sequence' in piece && piece.sequence === 1)) return template;
  throw new ValueError(
    `the post_processor of ${path} places a second text ($B) in the row of a single one; save the tokenizer again`,
    { code: 'ERR_TOKENIZER_FILE' },
  );
}

function text(sequence: 0 | 1, typeId: number): TemplatePiece {
  return { sequence, typeId, overflowTypeId: typeId };
}

function named(pair: unknown, typeId: number): TemplatePiece {
  const [token, id] = pair as [string, number];
  return { special: { ids: [id], tokens: [token] }, typeId };
}
