const kStep = 4 << 20;
const kShare = 1 / 4;

/**
 * Native bytes that JS objects keep alive, so that the garbage collector knows what they weigh. It may collect whenever it
 * is told, so it is told of a large share of all at once, and of a model's weights when all are there.
 */
export class HeldBytes {
  readonly #tell: (more: number) => void;
  #all = 0;
  #told = 0;
  #arriving = 0;
  #isArriving = false;

  /** @param tell - says to the collector how many bytes there are more than it knows */
  constructor(tell: (more: number) => void) {
    this.#tell = tell;
  }

  /** Counts what is held more, or less. */
  add(bytes: number): void {
    this.#all += bytes;
    if (this.#isArriving) {
      this.#arriving += bytes;
      return;
    }
    const untold = Math.abs(this.#all - this.#arriving - this.#told);
    if (untold >= kStep && untold >= kShare * this.#told) this.#tellAllBut(this.#arriving);
  }

  /** Runs `make`, which makes weights of a model that is being filled: nothing of it can be collected before it is whole. */
  arriving<T>(make: () => T): T {
    this.#isArriving = true;
    try {
      return make();
    } finally {
      this.#isArriving = false;
    }
  }

  /** The model whose weights were arriving is whole. */
  arrived(): void {
    this.#arriving = 0;
    this.add(0);
  }

  #tellAllBut(untold: number): void {
    const more = this.#all - untold - this.#told;
    this.#told += more;
    this.#tell(more);
  }
}
