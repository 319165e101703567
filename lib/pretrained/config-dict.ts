import { copyJson, equalJson, isContainer, passKind } from './config-json';

/** A config as plain values, and what of them says more than the defaults. */

/** Fields of an instance that no file holds. */
const neverSaved = [
  '_auto_class',
  '_commit_hash',
  '_name_or_path',
  '_attn_implementation',
  '_attn_implementation_internal',
  '_flash_attn_2_enabled',
  '_pre_quantization_dtype',
];

type Fields = Record<string, unknown>;

/** Copies of the fields that a file holds; what has a `to_dict` of its own gives that. */
export function plainFields(config: object): Fields {
  const fields: Fields = {};
  for (const [name, value] of Object.entries(config)) {
    if (neverSaved.includes(name)) continue;
    fields[name] = plainValue(value);
    passKind(config, name, fields, name);
  }
  shortenDtypes(fields);
  return fields;
}

function plainValue(value: unknown): unknown {
  if (typeof (value as { to_dict?: unknown } | null)?.to_dict !== 'function') return copyJson(value);
  const { transformers_version, ...fields } = (value as { to_dict(): Fields }).to_dict();
  return fields;
}

/** Brings 'torch.float16' to 'float16', at any depth. */
function shortenDtypes(fields: Fields): void {
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'torch_dtype' || name === 'dtype') fields[name] = shortDtype(value);
    else if (isContainer(value) && !Array.isArray(value)) shortenDtypes(value);
  }
}

/** A dtype without the framework in front. */
export function shortDtype<T>(value: T): T {
  return typeof value === 'string' ? (value.replace(/^(torch|jnp|tf)\./, '') as T) : value;
}

/**
 * Removes from `fields` what equals both the default of every config and that of the class.
 * @param common - the fields of a bare config
 * @param own - the fields of a config of the class
 */
export function dropDefaults(fields: Fields, common: Fields, own: Fields): void {
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'transformers_version' || !(name in common)) continue;
    const isOwnDefault = !(name in own) || equalJson(value, own[name]);
    if (isOwnDefault && equalJson(value, common[name])) delete fields[name];
  }
}
