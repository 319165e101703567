/**
 * A reader of pickles that never executes anything: instructions move plain data between a stack and a memo, and what a
 * name, a call or a persistent id means is asked of a `PickleMeaning`, which makes data or refuses. Nothing recurses.
 *
 * Source: the table of instructions in Python's pickletools, protocols 0 to 5.
 */
import type { Steps } from '../../turns';
import { type HeaderLimits, headerLimits } from '../header-limits';
import { PickleBytes, type PickleFail } from './pickle-bytes';
import { constantOf } from './pickle-constants';
import { PickleStack } from './pickle-stack';
import { describePickled, PickleDict, PickleList, PickleSet, PickleTuple, type PickleValue } from './pickle-values';
import { pytorchFault } from './pytorch-fault';

/** Decides what may stand in a pickle. Each function makes plain data, or throws. */
export interface PickleMeaning {
  /** A class or function named by module and name. */
  global(module: string, name: string): PickleValue;
  /** `callable(*args)`; also `cls.__new__(cls, *args)`. */
  call(callable: PickleValue, args: PickleTuple): PickleValue;
  /** Sets the state of `object`. */
  build(object: PickleValue, state: PickleValue): void;
  persistent(id: PickleValue): PickleValue;
}

/** Options of `unpickle`. */
export interface UnpickleOptions {
  /** Path for messages. */
  file: string;
  limits?: Partial<HeaderLimits>;
  /** The bytes may end before the pickle does, which is then said by `PickleEnds`. */
  isPart?: boolean;
}

/** Instructions between two steps. */
const STEP = 2000;
const HIGHEST_PROTOCOL = 5;

/**
 * Reads one pickle in steps.
 *
 * @param meaning - is given the function that throws its errors.
 * @returns the value, and the byte behind the pickle.
 * @throws CheckpointError `PICKLE_…`.
 */
export function* unpickle(
  bytes: Buffer,
  meaning: (fail: PickleFail) => PickleMeaning,
  options: UnpickleOptions,
): Steps<{ value: PickleValue; end: number }> {
  const machine = new PickleMachine(bytes, meaning, options.file, headerLimits(options.limits), options.isPart);
  while (!machine.run(STEP)) yield;
  return { value: machine.result as PickleValue, end: machine.end };
}

class PickleMachine {
  result: PickleValue | undefined;
  private readonly input: PickleBytes;
  private readonly meaning: PickleMeaning;
  private readonly stack: PickleStack;
  private start = 0;

  constructor(
    bytes: Buffer,
    meaning: (fail: PickleFail) => PickleMeaning,
    private readonly file: string,
    limits: HeaderLimits,
    isPart = false,
  ) {
    this.input = new PickleBytes(bytes, this.fail, isPart);
    this.stack = new PickleStack(limits, this.fail);
    this.meaning = meaning(this.fail);
  }

  get end(): number {
    return this.input.at;
  }

  /** Runs so many instructions; true after the last. */
  run(most: number): boolean {
    for (let i = 0; i < most; i++) if (this.step()) return true;
    return false;
  }

  /** Runs one instruction; true after the last. */
  private step(): boolean {
    const { input } = this;
    this.start = input.at;
    const code = input.u8();
    switch (code) {
      case 0x2e: // STOP
        this.result = this.stack.pop();
        return true;
      case 0x80: // PROTO
        if (input.u8() > HIGHEST_PROTOCOL) this.fail('PICKLE_INVALID', 'its protocol is newer than 5');
        return false;
      case 0x95: // FRAME
        input.u64();
        return false;
      default:
        // Half of a pickle's instructions are those of the memo.
        if (!(this.memory(code) || this.constant(code) || this.collection(code) || this.object(code)))
          this.refuse(code);
        return false;
    }
  }

  private constant(code: number): boolean {
    const value = constantOf(code, this.input, this.fail);
    return value !== undefined && this.push(value);
  }

  /** Instructions that make or fill tuples, lists, dictionaries and sets. */
  private collection(code: number): boolean {
    switch (code) {
      case 0x28: // MARK
        this.stack.mark();
        return true;
      case 0x29: // EMPTY_TUPLE
        return this.pushTuple([]);
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.pushTuple(this.stack.popSome(code - 0x84));
      case 0x74: // TUPLE
        return this.pushTuple(this.stack.popMark());
      case 0x5d: // EMPTY_LIST
        return this.push(new PickleList());
      case 0x6c: // LIST
        return this.pushFilled(new PickleList(), this.stack.popMark());
      case 0x61: // APPEND
        return this.extend(PickleList, 'a list', this.stack.popSome(1));
      case 0x65: // APPENDS
        return this.extend(PickleList, 'a list', this.stack.popMark());
      case 0x8f: // EMPTY_SET
        return this.push(new PickleSet());
      case 0x90: // ADDITEMS
        return this.extend(PickleSet, 'a set', this.stack.popMark());
      case 0x91: // FROZENSET
        return this.pushFilled(new PickleSet(), this.stack.popMark());
      case 0x7d: // EMPTY_DICT
        return this.push(new PickleDict());
      case 0x64: {
        // DICT
        const items = this.stack.popMark();
        this.push(new PickleDict());
        return this.setItems(items);
      }
      case 0x73: // SETITEM
        return this.setItems(this.stack.popSome(2));
      case 0x75: // SETITEMS
        return this.setItems(this.stack.popMark());
      default:
        return false;
    }
  }

  /** Instructions that move values between stack and memo. */
  private memory(code: number): boolean {
    const { input, stack } = this;
    switch (code) {
      case 0x71: // BINPUT
        return this.put(input.u8());
      case 0x72: // LONG_BINPUT
        return this.put(input.u32());
      case 0x70: // PUT
        return this.put(input.decimal());
      case 0x94: // MEMOIZE
        return this.put(stack.remembered);
      case 0x68: // BINGET
        return this.get(input.u8());
      case 0x6a: // LONG_BINGET
        return this.get(input.u32());
      case 0x67: // GET
        return this.get(input.decimal());
      case 0x30: // POP
        if (stack.isAtMark) stack.popMark();
        else stack.pop();
        return true;
      case 0x31: // POP_MARK
        this.stack.popMark();
        return true;
      case 0x32: // DUP
        return this.push(this.stack.top());
      default:
        return false;
    }
  }

  /** Instructions that ask for the meaning of something. */
  private object(code: number): boolean {
    const { input, meaning, stack } = this;
    switch (code) {
      case 0x63: {
        // GLOBAL
        const module = input.lineUtf8();
        return this.push(meaning.global(module, input.lineUtf8()));
      }
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.stack.popSome(2);
        if (typeof module !== 'string' || typeof name !== 'string') return this.wrong('a global is named by', module);
        return this.push(meaning.global(module, name));
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const args = stack.pop();
        const callable = stack.pop();
        return this.push(meaning.call(callable, this.tuple(args)));
      }
      case 0x92: {
        // NEWOBJ_EX
        const [callable, args, named] = this.stack.popSome(3);
        if (!(named instanceof PickleDict && named.keys.length === 0)) this.wrong('named arguments are', named);
        return this.push(meaning.call(callable as PickleValue, this.tuple(args)));
      }
      case 0x62: {
        // BUILD
        const [state] = this.stack.popSome(1);
        meaning.build(this.stack.top(), state as PickleValue);
        return true;
      }
      case 0x51: // BINPERSID
        return this.push(meaning.persistent(this.stack.pop()));
      case 0x50: // PERSID
        return this.push(meaning.persistent(input.lineUtf8()));
      default:
        return false;
    }
  }

  private readonly fail: PickleFail = (code, message) => {
    throw pytorchFault(code, this.file, `${message} (byte ${this.start} of its pickle)`, { offset: this.start });
  };

  private refuse(code: number): never {
    const hex = `0x${code.toString(16).padStart(2, '0')}`;
    if ([0x69, 0x6f, 0x82, 0x83, 0x84, 0x97, 0x98].includes(code)) {
      this.fail('PICKLE_FORBIDDEN_OPCODE', `instruction ${hex} has no place in weights`);
    }
    this.fail('PICKLE_INVALID', `${hex} is no instruction of a pickle`);
  }

  private push(value: PickleValue): true {
    this.stack.push(value);
    return true;
  }

  private put(index: number | bigint): true {
    this.stack.put(index);
    return true;
  }

  private get(index: number | bigint): true {
    this.stack.get(index);
    return true;
  }

  private pushTuple(items: PickleValue[]): true {
    const tuple = new PickleTuple(items);
    this.stack.nest(tuple, items);
    return this.push(tuple);
  }

  private pushFilled(made: PickleList | PickleSet, items: PickleValue[]): true {
    this.stack.nest(made, items);
    for (let i = 0; i < items.length; i++) made.items.push(items[i] as PickleValue);
    return this.push(made);
  }

  private extend(type: typeof PickleList | typeof PickleSet, name: string, items: PickleValue[]): true {
    const target = this.stack.top();
    if (!(target instanceof type)) return this.wrong(`items are added to ${name}, not to`, target);
    this.stack.nest(target, items);
    for (let i = 0; i < items.length; i++) target.items.push(items[i] as PickleValue);
    return true;
  }

  private setItems(items: PickleValue[]): true {
    const target = this.stack.top();
    if (!(target instanceof PickleDict)) return this.wrong('items are set on a dictionary, not on', target);
    if (items.length % 2 !== 0) this.fail('PICKLE_INVALID', 'a key has no value');
    this.stack.nest(target, items);
    for (let i = 0; i < items.length; i += 2) {
      target.keys.push(items[i] as PickleValue);
      target.values.push(items[i + 1] as PickleValue);
    }
    return true;
  }

  private tuple(value: PickleValue | undefined): PickleTuple {
    if (!(value instanceof PickleTuple)) this.wrong('arguments are a tuple, not', value);
    return value as PickleTuple;
  }

  private wrong(what: string, value: PickleValue | undefined): never {
    this.fail('PICKLE_TYPE_ERROR', `${what} ${describePickled(value ?? null)}`);
  }
}
