import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { OSError, TypeError, unknownName } from './errors';
import { getLogLevel, setLogLevel, warnOnce } from './logging';
import { packageRoot, version } from './package';

/**
 * Settings of the whole process, under transformers.js's names. Those that say where models may lie act; those
 * of browsers and ONNX Runtime can be set, and say once that they do nothing here.
 */

/** What `env` holds. */
export interface Environment {
  /** Version of this package. */
  readonly version: string;
  /** The lowest level of messages that is shown: see `LogLevel`. */
  logLevel: number;
  /** Whether folders are read at all. */
  allowLocalModels: boolean;
  /** Folder in which model ids such as 'org/name' are looked up first. */
  localModelPath: string;
  /** Whether what is in no folder is looked for on the Hub. */
  allowRemoteModels: boolean;
  remoteHost: string;
  remotePathTemplate: string;
  cacheDir: string | null;
  useFS: boolean;
  useFSCache: boolean;
  useBrowserCache: boolean;
  useCustomCache: boolean;
  customCache: unknown;
  useWasmCache: boolean;
  cacheKey: string;
  experimental_useCrossOriginStorage: boolean;
  fetch: unknown;
  readonly backends: { readonly onnx: Record<string, unknown> };
}

const settings: Environment = {
  version,
  get logLevel() {
    return getLogLevel();
  },
  set logLevel(level) {
    setLogLevel(level);
  },
  allowLocalModels: true,
  localModelPath: join(packageRoot, 'models/'),
  allowRemoteModels: true,
  remoteHost: 'https://huggingface.co/',
  remotePathTemplate: '{model}/resolve/{revision}/',
  cacheDir: join(packageRoot, '.cache/'),
  useFS: true,
  useFSCache: true,
  useBrowserCache: false,
  useCustomCache: false,
  customCache: null,
  useWasmCache: false,
  cacheKey: 'transformers-cache',
  experimental_useCrossOriginStorage: false,
  fetch: globalThis.fetch,
  backends: { onnx: onnxSettings('env.backends.onnx', { wasm: onnxSettings('env.backends.onnx.wasm', {}) }) },
};

const acting = ['logLevel', 'allowLocalModels', 'localModelPath', 'allowRemoteModels'];

/** The settings of this process. Setting a name that there is not is a TypeError. */
export const env: Environment = new Proxy(settings, {
  set(target, name, value) {
    const known = Object.keys(settings).filter((key) => key !== 'version' && key !== 'backends');
    if (!known.includes(String(name))) throw unknownName('setting', String(name), 'env', known);
    const wanted = typeof Reflect.get(target, name);
    if (acting.includes(String(name)) && name !== 'logLevel' && typeof value !== wanted)
      throw new TypeError(
        `env.${String(name)} is a ${wanted}, and cannot be ${value === null ? 'null' : `a ${typeof value}`}`,
      );
    if (!acting.includes(String(name)) && value !== Reflect.get(target, name))
      warnOnce(
        `env.${String(name)} does nothing here: HF_ENDPOINT and HF_HUB_CACHE say where models come from and are kept`,
      );
    return Reflect.set(target, name, value);
  },
});

function onnxSettings(where: string, values: Record<string, unknown>): Record<string, unknown> {
  return new Proxy(values, {
    set(target, name, value) {
      warnOnce(`${where}.${String(name)} does nothing here: ONNX Runtime is not used`);
      return Reflect.set(target, name, value);
    },
  });
}

/**
 * The folder that a model's name stands for: a model id is looked up in `env.localModelPath` first, and everything
 * else is a path as it is.
 * @throws OSError `ERR_LOCAL_MODELS_OFF` when `env.allowLocalModels` is false, `ERR_NO_FOLDER` for an empty name;
 *   TypeError for what is no name
 */
export async function resolveModelFolder(name: string): Promise<string> {
  if (typeof name !== 'string')
    throw new TypeError(
      `a model is given by the path of its folder, not ${name === null ? 'null' : `a ${typeof name}`}`,
    );
  if (name === '')
    throw new OSError("the path of the model is empty (''); give the path of its folder, or '.' for this one", {
      code: 'ERR_NO_FOLDER',
    });
  if (!env.allowLocalModels)
    throw new OSError(
      `'${name}' cannot be loaded: env.allowLocalModels is false, and it is no model on the Hub that may be asked for; set it to true`,
      { code: 'ERR_LOCAL_MODELS_OFF' },
    );
  if (!isModelId(name)) return name;
  const folder = join(env.localModelPath, name);
  const found = await stat(folder).catch(() => null);
  return found?.isDirectory() ? folder : name;
}

/** The folder inside a model's folder that is meant; 'onnx', which transformers.js has by default, is the model's own. */
export function modelSubfolder(subfolder: string | null | undefined): string {
  if (subfolder !== 'onnx') return subfolder ?? '';
  warnOnce("subfolder 'onnx' holds ONNX files and means nothing here: the folder itself is used");
  return '';
}

/** Whether `name` could be the id of a repository on the Hub: 'name' or 'organisation/name'. */
function isModelId(name: string): boolean {
  return /^(?:\w[\w.-]*\/)?\w[\w.-]*$/.test(name) && !name.includes('..');
}
