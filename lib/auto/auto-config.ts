import { EnvironmentError, nearest, TypeError, ValueError } from '../errors';
import { warnOnce } from '../logging';
import { givenOptions, namedOptions } from '../options';
import { type ConfigFields, type ConfigOptions, PretrainedConfig } from '../pretrained/config';
import { type ModelLocation, requiredLocation } from '../pretrained/location';
import { loadFamily, supportedModelTypes } from './families';

/** Config classes that a program has registered, by model_type. */
const registered = new Map<string, typeof PretrainedConfig>();

/** Picks the config class that a `config.json` names by its `model_type`. */
export class AutoConfig {
  constructor() {
    throw new EnvironmentError(
      'AutoConfig is designed to be instantiated using the `AutoConfig.from_pretrained(path)` method.',
    );
  }

  /**
   * Loads the config in a folder, or a config file, with the class of its `model_type`.
   * @param options - as those of `PretrainedConfig.from_pretrained`
   * @throws OSError when there is no such folder or file, or it is not JSON; ValueError `ERR_MODEL_TYPE` when the
   *   `model_type` is missing or not supported, `ERR_REMOTE_CODE` when the class is code in the repository
   */
  static async from_pretrained(
    path: ModelLocation,
    options: ConfigOptions & { return_unused_kwargs: true },
  ): Promise<[PretrainedConfig, ConfigFields]>;
  static async from_pretrained(path: ModelLocation, options?: ConfigOptions | null): Promise<PretrainedConfig>;
  static async from_pretrained(
    path: ModelLocation,
    options?: ConfigOptions | null,
  ): Promise<PretrainedConfig | [PretrainedConfig, ConfigFields]> {
    const { trust_remote_code, ...others } = givenOptions(options, 'AutoConfig.from_pretrained');
    const from = requiredLocation(path);
    const [fields, rest] = await PretrainedConfig.get_config_dict(from, others);
    const type = configClassIn(fields, from, trust_remote_code === true);
    return type.from_dict(fields, { name_or_path: from, ...rest });
  }

  /** A config of the class for `model_type`. @throws ValueError `ERR_MODEL_TYPE` for a type that is not supported */
  static for_model(model_type: string, fields: ConfigFields = {}): PretrainedConfig {
    const type = classFor(model_type, `AutoConfig.for_model('${model_type}')`);
    return new type(fields);
  }

  /**
   * Has `configClass` answer for `model_type`.
   * @throws ValueError when that is not its `model_type`, or the type has a class and `exist_ok` is not true
   */
  static register(
    model_type: string,
    configClass: typeof PretrainedConfig,
    options?: { exist_ok?: boolean } | null,
  ): void {
    const { exist_ok } = namedOptions(options, 'AutoConfig.register', { exist_ok: 'boolean' });
    if (!isConfigClass(configClass))
      throw new TypeError('AutoConfig.register takes a model type and a class that extends PretrainedConfig');
    if (configClass.model_type !== model_type)
      throw new ValueError(
        'The config you are passing has a `model_type` attribute that is not consistent with the model type you passed ' +
          `(config has ${configClass.model_type} and you passed ${model_type}). Fix one of those so they match!`,
      );
    checkName(model_type, 'AutoConfig.register');
    if (findClass(model_type) && !exist_ok)
      throw new ValueError(`'${model_type}' is already used by a config; pass { exist_ok: true } to replace it`);
    registered.set(model_type, configClass);
  }
}

function configClassIn(fields: ConfigFields, path: string, trust: boolean): typeof PretrainedConfig {
  const { model_type, auto_map } = fields;
  const remote = (auto_map as { AutoConfig?: unknown } | null | undefined)?.AutoConfig;
  const known = typeof model_type === 'string' && findClass(model_type) !== null;
  if (remote !== undefined && !known)
    throw new ValueError(
      `the config of '${path}' is defined by code in its repository (auto_map: ${String(remote)}), and code in a ` +
        'repository is never run; register a class of your own with AutoConfig.register',
      { code: 'ERR_REMOTE_CODE' },
    );
  if (remote !== undefined && trust)
    warnOnce(
      `'${path}': code in a repository is never run; its model type '${String(model_type)}' is built in and used`,
    );
  if (model_type === undefined || model_type === null)
    throw new ValueError(
      `Unrecognized model in '${path}'. Should have a \`model_type\` key in its config.json, one of: ${typeList()}`,
      { code: 'ERR_MODEL_TYPE' },
    );
  return classFor(model_type, `the config of '${path}'`);
}

function classFor(model_type: unknown, where: string): typeof PretrainedConfig {
  const name = checkName(model_type, where);
  const found = findClass(name);
  if (found) return found;
  const guess = nearest(name, allTypes());
  throw new ValueError(
    `${where} has the model type '${name}', which is not supported${guess ? `; the nearest is '${guess}'` : ''}. ` +
      `Supported: ${typeList()}`,
    { code: 'ERR_MODEL_TYPE' },
  );
}

/** A model type comes out of a downloaded file, and must not reach beyond the table of types. */
function checkName(model_type: unknown, where: string): string {
  if (typeof model_type === 'string' && /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(model_type)) return model_type;
  throw new ValueError(
    `${where} has the model type ${JSON.stringify(model_type)}, which is no name: letters, digits, '_', '-' and '.' make ` +
      `one. Supported: ${typeList()}`,
    { code: 'ERR_MODEL_TYPE' },
  );
}

function findClass(model_type: string): typeof PretrainedConfig | null {
  const own = registered.get(model_type);
  if (own) return own;
  for (const value of Object.values(loadFamily(model_type)))
    if (isConfigClass(value) && value.model_type === model_type) return value;
  return null;
}

function isConfigClass(value: unknown): value is typeof PretrainedConfig {
  return typeof value === 'function' && value.prototype instanceof PretrainedConfig;
}

function allTypes(): string[] {
  return [...new Set([...supportedModelTypes(), ...registered.keys()])].sort();
}

function typeList(): string {
  return allTypes().join(', ');
}
