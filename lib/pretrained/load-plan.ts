import type { CheckpointSource } from '../checkpoint/source';
import { RuntimeError, ValueError } from '../errors';
import type { Parameter } from '../nn/parameter';
import { type Steps, sortInSteps, visitInSteps } from '../turns';
import type { Dialect } from './dialects/dialect';

/**
 * Which tensor of a checkpoint goes into which parameter. Pure: names and shapes in, steps or one error out; no bytes
 * are read.
 */

/** What the planner knows of a checkpoint: tensor name → shape. It asks for the shapes of wanted tensors only. */
export type CheckpointShapes = Pick<ReadonlyMap<string, readonly number[]>, 'has' | 'get'> & {
  keys(): Iterable<string>;
};

/** The shapes of an open checkpoint, none of which is looked up before it is asked for. */
export function shapesOf(source: CheckpointSource): CheckpointShapes {
  return {
    keys: () => source.names(),
    has: (name) => source.has(name),
    get: (name) => (source.has(name) ? source.info(name).shape : undefined),
  };
}

/** What the planner knows of a model. */
export interface LoadTarget {
  /** Names the class in errors. */
  className: string;
  /** `state_dict` name → parameter; tied names give the same Parameter. */
  parameters: ReadonlyMap<string, Parameter>;
  /** Names of buffers that are not in checkpoints; older ones hold them all the same. */
  silentBuffers: ReadonlySet<string>;
  /** The attribute that holds the headless network in head models. */
  base_model_prefix: string;
  /** Regular expressions, searched: names that may be missing, names that may be left over. */
  ignoreMissing: readonly string[];
  ignoreUnexpected: readonly string[];
  /** Regular expressions over the file's names and what takes their place. */
  key_mapping?: Record<string, string>;
  /** What the original TensorFlow 1 release calls the weights. */
  tensorflow1?: Dialect | null;
}

/** One parameter to fill. */
export interface LoadStep {
  /** Name in the model. */
  name: string;
  parameter: Parameter;
  /** Name in the checkpoint. */
  source: string;
}

/** A tied weight that the checkpoint holds a second time. */
export interface LoadCopy extends LoadStep {
  of: LoadStep;
}

/** [name, shape in the checkpoint, shape in the model] */
export type Mismatch = [name: string, found: readonly number[], wanted: readonly number[]];

export interface LoadPlan {
  steps: LoadStep[];
  /** Where the bytes differ, the weights are not tied after all. */
  copies: LoadCopy[];
  missing_keys: string[];
  unexpected_keys: string[];
  mismatched_keys: Mismatch[];
  /** Renames that were made on the file's names. */
  renamed: [from: string, to: string][];
  /** Parameters that no step fills, by their name in the model: they are initialised. */
  unfilled: { name: string; parameter: Parameter }[];
}

/** Options of `planLoad`. */
export interface PlanOptions {
  ignore_mismatched_sizes?: boolean;
  /** Keys of the checkpoint that hold no tensors: nothing wants them. */
  otherKeys?: readonly string[];
}

/**
 * Plans a load, in steps: a checkpoint may hold a million tensors that the model does not want.
 * @throws ValueError `corrupted`: a base checkpoint that holds a tensor of the head
 * @throws RuntimeError: shapes differ and `ignore_mismatched_sizes` is false; lists all of them
 */
export function* planLoad(
  checkpoint: CheckpointShapes,
  target: LoadTarget,
  options: PlanOptions = {},
): Steps<LoadPlan> {
  const names = yield* renameKeys(checkpoint, target);
  const { toFile, strangers, silent } = yield* matchPrefix(names, target);

  const missing = new Set<string>();
  const used = new Set<string>();
  const mismatched: Mismatch[] = [];
  const copies: LoadCopy[] = [];
  const sources = new Map<Parameter, LoadStep>();
  for (const [name, parameter] of target.parameters) {
    const key = toFile(name);
    const source = key === null ? undefined : names.keyOf(key);
    if (key === null || source === undefined) {
      missing.add(name);
      continue;
    }
    used.add(key);
    const first = sources.get(parameter);
    if (first) {
      copies.push({ name, parameter, source, of: first });
      continue;
    }
    const found = checkpoint.get(source) as readonly number[];
    if (sameShape(found, parameter.dims)) sources.set(parameter, { name, parameter, source });
    else mismatched.push([name, found, parameter.dims]);
  }
  const mismatches = mismatched.filter(([name]) => !sources.has(target.parameters.get(name) as Parameter));
  if (mismatches.length > 0 && !options.ignore_mismatched_sizes) throw sizeMismatch(target.className, mismatches);

  // A tied weight that stands under one of its names is not missing under the others.
  const present = new Set<Parameter>();
  for (const [name, parameter] of target.parameters) if (!missing.has(name)) present.add(parameter);
  for (const name of [...missing]) if (present.has(target.parameters.get(name) as Parameter)) missing.delete(name);
  const unexpected: string[] = [];
  const isIgnored = matcher(target.ignoreUnexpected);
  const leaveOver = (key: string) => {
    const name = strangers(key);
    if (!isIgnored(name)) unexpected.push(name);
  };
  yield* visitInSteps(names, (key) => {
    if (!used.has(key) && !silent(key)) leaveOver(key);
  });
  yield* visitInSteps(options.otherKeys ?? [], leaveOver);
  const isExpected = matcher(target.ignoreMissing);
  return {
    steps: [...sources.values()],
    copies,
    missing_keys: [...missing].filter((name) => !isExpected(name)).sort(),
    unexpected_keys: [...(yield* sortInSteps(unexpected, compareTexts))],
    mismatched_keys: mismatches.sort(([a], [b]) => (a < b ? -1 : 1)),
    renamed: names.renamed,
    unfilled: unfilled(target, sources),
  };
}

/** Plans the load of an open checkpoint. @throws as `planLoad` */
export function planSource(
  source: CheckpointSource,
  target: LoadTarget,
  options: Pick<PlanOptions, 'ignore_mismatched_sizes'> = {},
): Steps<LoadPlan> {
  return planLoad(shapesOf(source), target, { ...options, otherKeys: source.otherKeys });
}

function unfilled(target: LoadTarget, sources: Map<Parameter, LoadStep>): LoadPlan['unfilled'] {
  const seen = new Map<Parameter, string>();
  for (const [name, parameter] of target.parameters)
    if (!sources.has(parameter) && !seen.has(parameter)) seen.set(parameter, name);
  return [...seen].map(([parameter, name]) => ({ name, parameter }));
}

/** The file's names as the model knows them. Of a million names that stay as they are nothing is kept. */
class ModernNames {
  readonly renamed: [string, string][] = [];
  private readonly newNames = new Map<string, string>();
  private readonly oldNames = new Map<string, string>();

  constructor(private readonly checkpoint: CheckpointShapes) {}

  rename(key: string, name: string): void {
    this.newNames.set(key, name);
    this.oldNames.set(name, key);
    this.renamed.push([key, name]);
  }

  /** In the file's order. */
  *[Symbol.iterator](): Iterator<string> {
    for (const key of this.checkpoint.keys()) yield this.newNames.get(key) ?? key;
  }

  /** What the file calls a tensor; undefined where it has none of that name. */
  keyOf(name: string): string | undefined {
    const old = this.oldNames.get(name);
    if (old !== undefined) return old;
    return this.checkpoint.has(name) && !this.newNames.has(name) ? name : undefined;
  }
}

/** @throws ValueError when `key_mapping` makes one name of two */
function* renameKeys(checkpoint: CheckpointShapes, target: LoadTarget): Steps<ModernNames> {
  const names = new ModernNames(checkpoint);
  const modelNames = [...target.parameters.keys()];
  const parametrized = modelNames.some((name) => name.includes('.parametrizations.weight.original'));
  const mapped = keyMapper(target.key_mapping ?? {});
  const seen = target.key_mapping && new Set<string>();
  yield* visitInSteps(checkpoint.keys(), (key) => {
    const name = mapped(modernName(key, parametrized));
    if (name !== key) {
      const other = names.keyOf(name);
      if (other !== undefined && seen?.has(other)) throw collision(other, key, name);
      // Of an old and a new name for one weight the new one counts, and the old one is left over.
      if (other === undefined && !checkpoint.has(name)) names.rename(key, name);
    }
    seen?.add(key);
  });
  return names;
}

/** What weights were called in older versions, and are called now. */
const OLD_ENDS: readonly (readonly [old: string, now: string])[] = [
  ['LayerNorm.gamma', 'LayerNorm.weight'],
  ['LayerNorm.beta', 'LayerNorm.bias'],
];

/** The two ways to name the parts of a normalised weight. */
const PARTS: readonly (readonly [plain: string, parametrized: string])[] = [
  ['.weight_g', '.parametrizations.weight.original0'],
  ['.weight_v', '.parametrizations.weight.original1'],
];

/** A name of an older version as this one has it. */
function modernName(key: string, parametrized: boolean): string {
  for (const [old, now] of OLD_ENDS) if (key === old || key.endsWith(`.${old}`)) return key.slice(0, -old.length) + now;
  for (const [plain, split] of PARTS) {
    const [from, to] = parametrized ? [plain, split] : [split, plain];
    if (key.endsWith(from)) return key.slice(0, -from.length) + to;
  }
  return key;
}

/** Renames by the first expression that is found in a name, wherever it is found. Groups may be written `$1` or, as in Python, `\1`. */
function keyMapper(mapping: Readonly<Record<string, string>>): (name: string) => string {
  const rules = Object.entries(mapping).map(
    ([pattern, replacement]) =>
      [new RegExp(pattern, 'g'), replacement.replace(/\\(?:g<)?(\d{1,2})>?/g, '$$$1')] as const,
  );
  return (name) => {
    const rule = rules.find(([pattern]) => name.search(pattern) >= 0);
    return rule ? name.replace(...rule) : name;
  };
}

function collision(a: string, b: string, name: string): ValueError {
  return new ValueError(
    `'${a}' and '${b}' of the checkpoint are both '${name}' in the model; one would be lost. Correct key_mapping, or the ` +
      'checkpoint',
    { code: 'ERR_KEY_COLLISION' },
  );
}

/**
 * Base and head checkpoints differ by a prefix: loading a base from a head strips it, loading a head from a base puts
 * it on.
 */
function* matchPrefix(names: Iterable<string>, target: LoadTarget): Steps<PrefixRule> {
  const prefix = `${target.base_model_prefix}.`;
  const named = prefix !== '.';
  let fileHas = false;
  if (named)
    yield* visitInSteps(names, (key) => {
      fileHas ||= key.startsWith(prefix);
    });
  const modelHas = named && [...target.parameters.keys()].some((key) => key.startsWith(prefix));
  const isSilent = (name: string) => target.silentBuffers.has(name);

  if (fileHas && !modelHas)
    return {
      toFile: (name) => prefix + name,
      strangers: (key) => (key.startsWith(prefix) ? key.slice(prefix.length) : key),
      silent: (key) => key.startsWith(prefix) && isSilent(key.slice(prefix.length)),
    };
  if (!fileHas && modelHas) {
    yield* visitInSteps(names, (key) => {
      if (!target.parameters.has(key) || target.parameters.has(prefix + key)) return;
      throw new ValueError(
        `The state dictionary of the model you are trying to load is corrupted: it is a base checkpoint ` +
          `(no name begins with '${prefix}'), but '${key}' belongs to the head of ${target.className}. Are you sure it ` +
          'was properly saved?',
        { code: 'ERR_CORRUPTED' },
      );
    });
    return {
      toFile: (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : null),
      strangers: (key) => key,
      silent: (key) => isSilent(prefix + key),
    };
  }
  return { toFile: (name) => name, strangers: (key) => key, silent: isSilent };
}

/** How the model's names and the file's, which has them modern already, belong together. */
interface PrefixRule {
  /** What the file calls a parameter; null where it cannot have it. */
  toFile(name: string): string | null;
  /** What is said of a name in the file that nothing wants. */
  strangers(key: string): string;
  /** Whether a name in the file is that of a buffer, which is left over without a word. */
  silent(key: string): boolean;
}

/** Whether one of some expressions is found in a name. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map((pattern) => new RegExp(pattern));
  return (name) => expressions.some((expression) => expression.test(name));
}

/** The order of `sort()`. */
function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

function sizeMismatch(className: string, mismatches: Mismatch[]): RuntimeError {
  const lines = mismatches.map(
    ([name, found, wanted]) =>
      `size mismatch for ${name}: the checkpoint has shape [${found}], the model has [${wanted}].`,
  );
  return new RuntimeError(
    `Error(s) in loading state_dict for ${className}:\n\t${lines.join('\n\t')}\n\tYou may consider adding ` +
      '`ignore_mismatched_sizes=True` in the model `from_pretrained` method.',
    { code: 'ERR_SIZE_MISMATCH' },
  );
}
