/** Hands items from those who make them to those who wait for them. */
export class AsyncQueue<Item> {
  #items: Item[] = [];
  #waiting: ((item: Item | null) => void)[] = [];
  #closed = false;

  push(item: Item): void {
    if (this.#closed) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting(item);
  }

  /** The next item; null when the queue is closed and empty. */
  async take(): Promise<Item | null> {
    if (this.#items.length > 0) return this.#items.shift()!;
    if (this.#closed) return null;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Takes nothing more; what is in it is still given out. */
  close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }

  /** Closes it and drops what is in it. */
  abandon(): void {
    this.#items = [];
    this.close();
  }
}

/** A number of places; who finds none waits. */
export class Places {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#free++;
    else waiting();
  }
}
