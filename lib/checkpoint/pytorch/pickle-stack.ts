/** The stack and the memo of a pickle's reader, neither of which outgrows the limits. */
import type { HeaderLimits } from '../header-limits';
import type { PickleFail } from './pickle-bytes';
import { Nested, type PickleValue } from './pickle-values';

export class PickleStack {
  private readonly values: PickleValue[] = [];
  /** Heights of the stack where MARK stood. */
  private readonly marks: number[] = [];
  /** What is remembered under numbers without a gap, as writers give them; and under others. */
  private readonly memo: PickleValue[] = [];
  private readonly others = new Map<number, PickleValue>();
  private made = 0;

  constructor(
    private readonly limits: HeaderLimits,
    private readonly fail: PickleFail,
  ) {}

  /** Numbers that the memo has given out. */
  get remembered(): number {
    return this.memo.length + this.others.size;
  }

  /** Whether nothing stands above the last mark. */
  get isAtMark(): boolean {
    return this.values.length === this.floor;
  }

  push(value: PickleValue): void {
    this.count();
    this.values.push(value);
  }

  mark(): void {
    this.count();
    this.marks.push(this.values.length);
  }

  top(): PickleValue {
    if (this.values.length <= this.floor) this.fail('PICKLE_INVALID', 'an instruction finds nothing on the stack');
    return this.values[this.values.length - 1] as PickleValue;
  }

  pop(): PickleValue {
    const value = this.top();
    this.values.length--;
    return value;
  }

  /** Takes the topmost `count` values, the lowest first. */
  popSome(count: number): PickleValue[] {
    const from = this.values.length - count;
    if (from < this.floor) this.fail('PICKLE_INVALID', 'an instruction finds too little on the stack');
    const items = new Array<PickleValue>(count);
    for (let i = count - 1; i >= 0; i--) items[i] = this.values.pop() as PickleValue;
    return items;
  }

  /** Takes all values above the last mark, and the mark. */
  popMark(): PickleValue[] {
    const mark = this.marks.pop();
    if (mark === undefined) return this.fail('PICKLE_INVALID', 'an instruction finds no mark on the stack');
    return this.values.splice(mark);
  }

  /** Remembers the topmost value under a number. */
  put(index: number | bigint): void {
    const value = this.top();
    if (typeof index !== 'number' || index < 0 || index >= this.limits.pickleObjects) {
      this.fail('PICKLE_TOO_LARGE', `it remembers an object under number ${index}`);
    }
    if (index > this.memo.length) this.others.set(index, value);
    else {
      this.memo[index] = value;
      if (this.others.size > 0) this.others.delete(index);
    }
  }

  /** Pushes what is remembered under a number. */
  get(index: number | bigint): void {
    const value = typeof index === 'number' ? (this.memo[index] ?? this.recall(index)) : undefined;
    if (value === undefined) this.fail('PICKLE_INVALID', `it recalls object ${index}, which it has not remembered`);
    this.push(value);
  }

  /** Notes that `outer` now contains `items`. */
  nest(outer: Nested, items: readonly PickleValue[]): void {
    for (let i = 0; i < items.length; i++) {
      const item = items[i];
      if (item instanceof Nested && item.depth >= outer.depth) outer.depth = item.depth + 1;
    }
    if (outer.depth > this.limits.depth) {
      this.fail('PICKLE_TOO_LARGE', `its values nest deeper than ${this.limits.depth}`);
    }
  }

  /** None is remembered, which is no nothing, or a number of the others. */
  private recall(index: number): PickleValue | undefined {
    return this.memo[index] === null ? null : this.others.get(index);
  }

  private get floor(): number {
    const { marks } = this;
    return marks.length === 0 ? 0 : (marks[marks.length - 1] as number);
  }

  /** Everything that is pushed counts, so that neither stack nor memo nor objects outgrow the limit. */
  private count(): void {
    if (++this.made > this.limits.pickleObjects) {
      this.fail('PICKLE_TOO_LARGE', `it makes more than ${this.limits.pickleObjects} objects`);
    }
  }
}
