import { join } from 'node:path';
import { AttributeError, NotImplementedError, nearest, TypeError, unknownName, ValueError } from '../errors';
import type { CommitInfo } from '../hub/commit-files';
import { type PushOptions, pushOptionNames, saveAndPush } from '../hub/push-to-hub';
import { warn } from '../logging';
import { checkOptionKinds, givenOptions, namedOptions, refuseSurplus } from '../options';
import { dropDefaults, plainFields, shortDtype } from './config-dict';
import { checkArchitectures, commonDefaults, commonFloats, transformersVersion } from './config-fields';
import { CONFIG_NAME, makeFolder, readConfig, readConfigFile, writeConfigFile } from './config-file';
import { copyJson, equalJson, formatJson, isContainer, isFloat, markFloats, passKind } from './config-json';
import { checkLabelOverrides, checkProblemType, integerKeys, labelsFor } from './config-labels';
import { type ConfigOptions, partOptions, refuseUnused, warnOfOtherType } from './config-options';
import { ropeParametersOf, splitRopeParameters } from './config-rope';
import { parseLike, parseUpdates } from './config-update';
import { type ModelLocation, requiredLocation } from './location';
import { pushSavable } from './push-model';

export { checkHonoured } from './config-fields';
export type { ConfigOptions } from './config-options';

/** Fields of a config by name. */
export type ConfigFields = Record<string, unknown>;

/** What makes a config: its class, as loading sees it. */
type Maker<C> = new (fields?: ConfigFields) => C;

/** Names that every config answers to, and that are other fields underneath. */
const derived = ['num_labels', 'name_or_path', 'dtype', 'model_type'];
const integerKeyed: ReadonlySet<string> = new Set(['id2label', 'pruned_heads']);

/** Options of `PretrainedConfig.save_pretrained`. */
export interface SaveConfigOptions extends PushOptions {
  push_to_hub?: boolean | null;
  /** Where to push; default the folder's name. */
  repo_id?: string | null;
}

/**
 * What a model is: its sizes and settings, as `config.json` holds them. Every field is a property, unknown ones too.
 *
 * A family derives a class that declares its fields as data: `model_type`, `attribute_map`, `defaults`, `floats`, and, for
 * `checkHonoured`, `honoured` and `inert`. Source: transformers configuration_utils.py (4.35.2, 4.57.6).
 */
export class PretrainedConfig {
  static readonly model_type: string = '';
  /** Whether the config is made of others, so that it has no defaults. */
  static readonly is_composition: boolean = false;
  /** Other names of fields: alias → the name that is stored and saved. */
  static readonly attribute_map: Readonly<Record<string, string>> = {};
  static readonly keys_to_ignore_at_inference: readonly string[] = [];
  /** The family's own fields, and common ones with another default. */
  static readonly defaults: Readonly<Record<string, unknown>> = {};
  /** Own fields that are floats in Python though their defaults are whole: `10000.0`. */
  static readonly floats: readonly string[] = [];
  /** Fields that the family's forward acts on; none: the class answers for itself. */
  static readonly honoured: readonly string[] = [];
  /** Own fields that change nothing at inference. */
  static readonly inert: readonly string[] = [];
  /** Honoured numbers and texts that may be null all the same. */
  static readonly nullable: readonly string[] = [];
  static _auto_class: string | null = null;

  declare model_type: string;
  declare return_dict: boolean;
  declare output_hidden_states: boolean;
  declare output_attentions: boolean;
  declare torchscript: boolean;
  declare torch_dtype: string | null;
  declare pruned_heads: Record<number, number[]>;
  declare tie_word_embeddings: boolean;
  declare is_encoder_decoder: boolean;
  declare is_decoder: boolean;
  declare add_cross_attention: boolean;
  declare chunk_size_feed_forward: number;
  declare architectures: string[] | null;
  declare id2label: Record<number, string>;
  declare label2id: Record<string, number>;
  declare tokenizer_class: string | null;
  declare bos_token_id: number | null;
  declare pad_token_id: number | null;
  declare eos_token_id: number | number[] | null;
  declare sep_token_id: number | null;
  declare problem_type: string | null;
  declare transformers_version: string | null;
  declare _name_or_path: string;
  declare _commit_hash: string | null;
  [field: string]: unknown;

  /** @throws ValueError for labels or a problem type that cannot be, and for a field named like a method */
  constructor(fields: ConfigFields = {}) {
    const type = new.target as typeof PretrainedConfig;
    if (!isContainer(fields) || Array.isArray(fields))
      throw new TypeError(`${type.name} takes one object of fields, such as { num_labels: 3 }`);
    define(this, 'model_type', fields['model_type'] ?? type.model_type, false);
    for (const [alias, real] of Object.entries(type.attribute_map)) defineAlias(this, alias, real);
    Object.assign(this, copyJson({ ...commonDefaults, ...type.defaults }));
    markFloats(this, [...commonFloats, ...type.floats]);

    const given = type.adopt(withoutUndefined(fields));
    this.assign(given);
    if (given['name_or_path'] !== undefined && given['_name_or_path'] === undefined)
      this.name_or_path = given['name_or_path'];
    this.torch_dtype = shortDtype((given['dtype'] ?? this.torch_dtype) as string | null);
    this.setLabels(given['num_labels'] ?? null);
    this.checkValues();
  }

  /** Brings fields that go by another name in other versions to the names held here. Families override it, and call this. */
  protected static adopt(fields: ConfigFields): ConfigFields {
    splitRopeParameters(fields, this.defaults);
    return fields;
  }

  /** Sets the stored fields; aliases come last, as in Python. */
  private assign(given: ConfigFields): void {
    const { attribute_map } = this.constructor as typeof PretrainedConfig;
    const names = Object.keys(given).filter((name) => !derived.includes(name));
    const aliases = names.filter((name) => Object.hasOwn(attribute_map, name));
    const stored = names.filter((name) => !Object.hasOwn(attribute_map, name));
    for (const name of [...stored, ...aliases]) this.set(name, given[name], given);
  }

  private set(name: string, value: unknown, from: ConfigFields): void {
    const { attribute_map } = this.constructor as typeof PretrainedConfig;
    checkName(this, name);
    this[name] = value;
    passKind(from, name, this, attribute_map[name] ?? name);
  }

  private setLabels(count: unknown): void {
    const { id2label, label2id }: { id2label: unknown; label2id: unknown } = this;
    if (label2id !== null && (!isContainer(label2id) || Array.isArray(label2id)))
      throw new ValueError('Argument label2id should be a dictionary.');
    if (id2label === null) {
      this.num_labels = (count ?? 2) as number;
      return;
    }
    this.checkValues();
    if (count !== null && count !== this.num_labels)
      warn(
        `You passed along \`num_labels=${String(count)}\` with an incompatible id to label map: ` +
          `${JSON.stringify(this.id2label)}. The number of labels will be overwritten to ${this.num_labels}.`,
      );
  }

  private checkValues(): void {
    this.id2label = integerKeys('id2label', this.id2label);
    this.pruned_heads = integerKeys('pruned_heads', this.pruned_heads ?? {});
    checkProblemType(this.problem_type);
    checkArchitectures(this.architectures);
  }

  /** Number of labels. Setting another number makes new names, LABEL_0 onward. */
  get num_labels(): number {
    return Object.keys(this.id2label ?? {}).length;
  }

  /** @throws ValueError unless it is a whole number from 0 to a million: each label gets a name */
  set num_labels(count: number) {
    if (this.id2label && this.num_labels === count) return;
    Object.assign(this, labelsFor(count));
  }

  /** Where the config came from. */
  get name_or_path(): string {
    return this._name_or_path;
  }

  set name_or_path(value: unknown) {
    this._name_or_path = String(value);
  }

  /** The newer name of `torch_dtype`. */
  get dtype(): string | null {
    return this.torch_dtype;
  }

  set dtype(value: string | null) {
    this.torch_dtype = shortDtype(value);
  }

  /** Whether outputs are objects: `return_dict`, unless for torchscript. */
  get use_return_dict(): boolean {
    return this.return_dict && !this.torchscript;
  }

  set use_return_dict(value: boolean) {
    throw new AttributeError(`use_return_dict cannot be set to ${String(value)}; set return_dict`);
  }

  /** Rotary positions as Transformers 5 has them; null for a model without. */
  get rope_parameters(): unknown {
    return ropeParametersOf(this);
  }

  set rope_parameters(value: unknown) {
    const fields: ConfigFields = { rope_parameters: copyJson(value) };
    splitRopeParameters(fields, (this.constructor as typeof PretrainedConfig).defaults);
    if ('rope_parameters' in fields) define(this, 'rope_parameters', fields['rope_parameters'], true);
    else this.assign(fields);
  }

  /**
   * Loads a config from a folder with `config.json`, or from the file itself.
   * @param options - names of fields override them; others are refused, or returned
   * @throws OSError when there is no such folder or file, or it is not JSON; ValueError for values that cannot be;
   *   TypeError for names that are no fields, unless `return_unused_kwargs` asks for them
   */
  static async from_pretrained<C extends PretrainedConfig>(
    this: Maker<C>,
    path: ModelLocation,
    options: ConfigOptions & { return_unused_kwargs: true },
  ): Promise<[C, ConfigFields]>;
  static async from_pretrained<C extends PretrainedConfig>(
    this: Maker<C>,
    path: ModelLocation,
    options?: ConfigOptions | null,
  ): Promise<C>;
  static async from_pretrained<C extends PretrainedConfig>(
    this: Maker<C>,
    path: ModelLocation,
    options?: ConfigOptions | null,
  ): Promise<C | [C, ConfigFields]> {
    const type = this as unknown as typeof PretrainedConfig & Maker<C>;
    const [fields, rest] = await type.get_config_dict(path, options);
    warnOfOtherType(fields['model_type'], type.model_type);
    return type.from_dict<C>(fields, rest);
  }

  /**
   * The dictionary of a config file, and those of `options` that do not say where it lies.
   * @throws OSError as `from_pretrained`
   */
  static async get_config_dict(
    path: ModelLocation,
    options?: ConfigOptions | null,
  ): Promise<[ConfigFields, ConfigFields]> {
    const { location, rest } = partOptions(givenOptions(options, `${this.name}.from_pretrained`));
    const fields = await readConfig(requiredLocation(path), location);
    return [fields, rest];
  }

  /**
   * A config with `fields`, then with those of `overrides` that are its fields.
   * @throws ValueError when `num_labels` and `id2label` of the overrides disagree; TypeError for an override that is no
   *   field, unless `return_unused_kwargs` asks for it
   */
  static from_dict<C extends PretrainedConfig>(
    this: Maker<C>,
    fields: ConfigFields,
    overrides: ConfigFields & { return_unused_kwargs: true },
  ): [C, ConfigFields];
  static from_dict<C extends PretrainedConfig>(
    this: Maker<C>,
    fields: ConfigFields,
    overrides?: ConfigFields | null,
  ): C;
  static from_dict<C extends PretrainedConfig>(
    this: Maker<C>,
    fields: ConfigFields,
    overrides?: ConfigFields | null,
  ): C | [C, ConfigFields] {
    const { return_unused_kwargs, _from_auto, _from_pipeline, ...given } = givenOptions(
      overrides,
      `${this.name}.from_dict`,
    );
    checkLabelOverrides(given);
    const config: PretrainedConfig = new this(fields);
    const unused: ConfigFields = {};
    for (const [name, value] of Object.entries(given)) {
      const isField = config.has(name);
      if (isField) config.override(name, value);
      if (!isField || name === 'torch_dtype' || name === 'dtype') unused[name] = value;
    }
    config.checkValues();
    if (return_unused_kwargs) return [config as C, unused];
    refuseUnused(this.name, unused, Object.keys(config));
    return config as C;
  }

  /** A config from the file `file`, whatever its name. @throws OSError as `from_pretrained` */
  static async from_json_file<C extends PretrainedConfig>(
    this: Maker<C>,
    file: string,
    options?: { signal?: AbortSignal | null } | null,
    ...surplus: never[]
  ): Promise<C> {
    const where = `${this.name}.from_json_file`;
    refuseSurplus(where, surplus);
    const { signal } = namedOptions(options, where, { signal: 'any' });
    return new this(await readConfigFile(filePath(file, where), signal ?? undefined));
  }

  /** Whether `name` is a field, or another name of one. */
  has(name: string): boolean {
    const { attribute_map } = this.constructor as typeof PretrainedConfig;
    if (name === 'rope_parameters') return this.rope_parameters !== null;
    return Object.hasOwn(this, attribute_map[name] ?? name) || derived.includes(name) || name === 'use_return_dict';
  }

  private override(name: string, value: unknown): void {
    const current = this[name];
    if (!(current instanceof PretrainedConfig) || !isContainer(value)) this.update({ [name]: value });
    else this[name] = new (current.constructor as Maker<PretrainedConfig>)({ ...current.to_dict(), ...value });
  }

  /** Sets fields, known or not. @throws ValueError for a field named like a method */
  update(fields: ConfigFields): void {
    if (!isContainer(fields) || Array.isArray(fields))
      throw new TypeError(`${this.constructor.name}.update takes one object of fields, such as { num_labels: 3 }`);
    for (const [name, value] of Object.entries(fields)) this.set(name, value, fields);
  }

  /**
   * Sets fields from a text such as `n_layer=10,resid_pdrop=0.2,use_cache=false`; each keeps the type of its value.
   * @throws ValueError for an unknown field, a text that says no such value, a field that holds something else; then no
   *   field is changed
   */
  update_from_string(text: string, ...surplus: never[]): void {
    const { attribute_map, name: className } = this.constructor as typeof PretrainedConfig;
    refuseSurplus(`${className}.update_from_string`, surplus);
    if (typeof text !== 'string')
      throw new TypeError(
        `${className}.update_from_string takes a text such as 'n_layer=10,use_cache=false', not ${String(text)}`,
      );
    const updates: { name: string; stored: string; value: string | number | boolean; isReal: boolean }[] = [];
    for (const [name, value] of parseUpdates(text)) {
      if (!this.has(name)) {
        const guess = nearest(name, Object.keys(this));
        throw new ValueError(
          `key ${name} isn't in the original config dict${guess ? `; did you mean '${guess}'?` : ''}`,
        );
      }
      const stored = attribute_map[name] ?? name;
      const isReal = isFloat(this, stored);
      updates.push({ name, stored, isReal, value: parseLike(name, this[name], isReal, value) });
    }
    for (const { name, stored, value, isReal } of updates) {
      this[name] = value;
      if (isReal) markFloats(this, [stored]);
    }
  }

  /** A config of the same class with copies of all fields. */
  clone(): this {
    const copy = new (this.constructor as Maker<this>)();
    for (const name of Object.keys(copy)) delete copy[name];
    copy.model_type = this.model_type;
    for (const [name, value] of Object.entries(this)) {
      const kept = value instanceof PretrainedConfig ? value.clone() : copyJson(value);
      define(copy, name, kept, true);
      passKind(this, name, copy, name);
    }
    return copy;
  }

  /** Whether `other` is a config with the same fields and values. */
  equals(other: unknown): boolean {
    return other instanceof PretrainedConfig && equalJson(everyField(this), everyField(other));
  }

  /** The fields as plain values, with `model_type` and `transformers_version`. */
  to_dict(): ConfigFields {
    const fields = plainFields(this);
    fields['model_type'] = (this.constructor as typeof PretrainedConfig).model_type;
    fields['transformers_version'] = transformersVersion;
    return fields;
  }

  /** Those of `to_dict()` that are not the default of every config, or not that of this class. */
  to_diff_dict(): ConfigFields {
    const type = this.constructor as typeof PretrainedConfig;
    const fields = this.to_dict();
    dropDefaults(fields, new PretrainedConfig().to_dict(), type.is_composition ? {} : new type().to_dict());
    for (const [name, nested] of Object.entries(this)) {
      if (!(nested instanceof PretrainedConfig)) continue;
      const { transformers_version, ...differing } = nested.to_diff_dict();
      fields[name] = differing;
    }
    return fields;
  }

  /** The text of `config.json`, as Python writes it; with `use_diff` false every field is in it. */
  to_json_string(use_diff = true): string {
    return `${formatJson(use_diff ? this.to_diff_dict() : this.to_dict(), integerKeyed)}\n`;
  }

  /** Writes `to_json_string(use_diff)` to `file` in one step. @throws OSError */
  async to_json_file(
    file: string,
    use_diff?: boolean | null,
    options?: { signal?: AbortSignal | null } | null,
    ...surplus: never[]
  ): Promise<void> {
    const where = `${this.constructor.name}.to_json_file`;
    refuseSurplus(where, surplus);
    checkOptionKinds(where, { use_diff }, { use_diff: 'boolean' });
    const { signal } = namedOptions(options, where, { signal: 'any' });
    await writeConfigFile(filePath(file, where), this.to_json_string(use_diff ?? true), signal ?? undefined);
  }

  /**
   * Writes `config.json` into `folder`, which is made when it is not there.
   * @param options - `push_to_hub` commits the folder too: its options are then those of `push_to_hub()`, and `repo_id`
   *   (default: the folder's name)
   * @throws AssertionError when there is a file in its place; OSError when it cannot be written; what pushing throws
   */
  async save_pretrained(folder: string, given?: SaveConfigOptions | null): Promise<void> {
    const { name: className, _auto_class } = this.constructor as typeof PretrainedConfig;
    const options = givenOptions<SaveConfigOptions>(given, `${className}.save_pretrained`);
    if (typeof folder !== 'string')
      throw new TypeError(`${className}.save_pretrained takes the path of a folder, not ${String(folder)}`);
    const { push_to_hub, ...pushing } = options;
    const known = ['signal', 'push_to_hub', ...(push_to_hub ? ['repo_id', ...pushOptionNames] : [])];
    for (const name of Object.keys(options))
      if (!known.includes(name)) throw unknownName('option', name, `${className}.save_pretrained`, known);
    if (push_to_hub) {
      const save = (to: string) => this.save_pretrained(to, { ...(options.signal && { signal: options.signal }) });
      await saveAndPush({ className, save }, folder, pushing);
      return;
    }
    if (_auto_class !== null)
      throw new NotImplementedError(
        `${className} is registered for an auto class, so its source would belong in '${folder}'; Python cannot import it`,
      );
    await makeFolder(folder);
    await this.to_json_file(join(folder, CONFIG_NAME), true, { ...(options.signal && { signal: options.signal }) });
  }

  /**
   * Saves the config and commits it to a repository on the Hub, which is made when it is not there.
   * @throws as `PreTrainedModel.push_to_hub`
   */
  async push_to_hub(repo_id: string | null, options?: PushOptions | null): Promise<CommitInfo> {
    return pushSavable(this, repo_id, options, []);
  }

  /** Marks this class as one that `auto_class` loads. @throws ValueError for a name that is no auto class */
  static register_for_auto_class(auto_class = 'AutoConfig'): void {
    if (auto_class !== 'AutoConfig') throw new ValueError(`${auto_class} is not a valid auto class for a config.`);
    this._auto_class = auto_class;
  }

  toString(): string {
    return `${this.constructor.name} ${this.to_json_string()}`;
  }
}

function define(target: object, name: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(target, name, { value, enumerable, writable: true, configurable: true });
}

function defineAlias(config: PretrainedConfig, alias: string, real: string): void {
  Object.defineProperty(config, alias, {
    get: () => config[real],
    set: (value: unknown) => {
      config[real] = value;
    },
    enumerable: false,
    configurable: true,
  });
}

/** A field must not hide a method: the text of a file would decide what code runs. */
function checkName(config: PretrainedConfig, name: string): void {
  const isMethod = name in Object.prototype || typeof Object.getPrototypeOf(config)[name] === 'function';
  if (!isMethod) return;
  throw new ValueError(`a config cannot have a field '${name}', which is the name of one of its methods`, {
    code: 'ERR_CONFIG_FIELD',
  });
}

/** @throws TypeError unless it is a text */
function filePath(file: unknown, where: string): string {
  if (typeof file === 'string') return file;
  throw new TypeError(`${where} takes the path of a file, not ${String(file)}`);
}

function withoutUndefined(fields: ConfigFields): ConfigFields {
  const given: ConfigFields = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    define(given, name, value, true);
    passKind(fields, name, given, name);
  }
  return given;
}

function everyField(config: PretrainedConfig): ConfigFields {
  const { _name_or_path, _commit_hash } = config;
  return { ...plainFields(config), _name_or_path, _commit_hash };
}
