import { embedding } from '../tensor/ops/embedding';
import type { Tensor } from '../tensor/tensor';
import { Module } from './module';
import { Parameter } from './parameter';

/** A table of rows that are looked up by number. */
export class Embedding extends Module {
  weight: Parameter;

  constructor(
    public num_embeddings: number,
    readonly embedding_dim: number,
    public padding_idx: number | null = null,
  ) {
    super();
    this.weight = new Parameter([num_embeddings, embedding_dim], 'table');
  }

  /**
   * @param ids - [...], integers below num_embeddings
   * @param add - [..., C], added to the rows
   * @returns [..., C] float32
   */
  override forward(ids: Tensor, add: Tensor | null = null): Tensor {
    return embedding(ids, this.weight.value, add);
  }
}
