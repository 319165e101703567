import type { StoredVocabulary } from '../backend/messages';
import type { AddedToken } from './added-token';

/** Tokens and their ids: the model's vocabulary and the tokens added to it. Its tables are made when first needed. */
export class Vocabulary {
  private table: { ids: Map<string, number>; tokens: Map<number, string> } | null = null;
  private readonly addedIds = new Map<string, number>();

  constructor(
    private readonly stored: StoredVocabulary,
    /** Added tokens by id, in order of ids. */
    readonly added: ReadonlyMap<number, AddedToken>,
  ) {
    for (const [id, token] of added) this.addedIds.set(token.content, id);
  }

  /** Number of tokens in the model's own vocabulary. */
  get baseSize(): number {
    return this.stored.ids.length;
  }

  /** Number of tokens with the added ones. */
  get size(): number {
    const { ids } = this.tables();
    let outside = 0;
    for (const token of this.addedIds.keys()) if (!ids.has(token)) outside++;
    return ids.size + outside;
  }

  idOf(token: string): number | null {
    return this.addedIds.get(token) ?? this.tables().ids.get(token) ?? null;
  }

  tokenOf(id: number): string | null {
    return this.added.get(id)?.content ?? this.tables().tokens.get(id) ?? null;
  }

  /** Every token and its id. */
  toMap(): Map<string, number> {
    const map = new Map(this.tables().ids);
    for (const [token, id] of this.addedIds) map.set(token, id);
    return map;
  }

  private tables(): { ids: Map<string, number>; tokens: Map<number, string> } {
    if (this.table) return this.table;
    const ids = new Map<string, number>();
    const tokens = new Map<number, string>();
    let start = 0;
    this.stored.ends.forEach((end, i) => {
      const token = this.stored.text.slice(start, end);
      ids.set(token, this.stored.ids[i] as number);
      tokens.set(this.stored.ids[i] as number, token);
      start = end;
    });
    this.table = { ids, tokens };
    return this.table;
  }
}
