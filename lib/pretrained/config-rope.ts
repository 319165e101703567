import { ValueError } from '../errors';
import { copyJson, isContainer, passKind } from './config-json';

/**
 * Rotary positions under their two names. Transformers 4 has `rope_theta` and `rope_scaling` (ModernBERT
 * `global_rope_theta` and `local_rope_theta`), Transformers 5 has `rope_parameters`, flat or one per layer type. Configs
 * hold and write the former, which both read; either is read.
 */

/** What one kind of layer rotates with. `rope_type` 'default' has no further keys. */
export interface RopeParameters {
  rope_type: string;
  rope_theta: number;
  [parameter: string]: unknown;
}

const knownTypes = ['default', 'linear', 'dynamic', 'yarn', 'longrope', 'llama3'];
/** Fields that hold the base of a layer type. */
const thetaFields: Readonly<Record<string, string>> = {
  full_attention: 'global_rope_theta',
  sliding_attention: 'local_rope_theta',
};

/**
 * Replaces `rope_parameters` in `fields` by the fields of Transformers 4 that the class defines; a class without such
 * fields keeps what it was given.
 * @throws ValueError naming a rope type that is not known
 */
export function splitRopeParameters(
  fields: Record<string, unknown>,
  defaults: Readonly<Record<string, unknown>>,
): void {
  const given = fields['rope_parameters'];
  if ('rope_theta' in defaults || 'global_rope_theta' in defaults) {
    refuseOther('rope_parameters', given);
    refuseOther('rope_scaling', fields['rope_scaling']);
  }
  if (isContainer(given) && 'global_rope_theta' in defaults) splitByLayerType(fields, given);
  else if (isContainer(given) && 'rope_theta' in defaults) splitFlat(fields, given);
  else if (given === null && ('rope_theta' in defaults || 'global_rope_theta' in defaults))
    delete fields['rope_parameters'];
  if ('rope_theta' in defaults || 'global_rope_theta' in defaults) checkType(fields['rope_scaling']);
}

function splitByLayerType(fields: Record<string, unknown>, given: Record<string, unknown>): void {
  delete fields['rope_parameters'];
  const isByLayer = Object.keys(thetaFields).some((layerType) => layerType in given);
  for (const name of isByLayer ? Object.keys(given) : [])
    if (!(name in thetaFields))
      throw invalid(`rope_parameters has '${name}'`, `of ${Object.keys(thetaFields).join(', ')}`);
  for (const [layerType, thetaField] of Object.entries(thetaFields)) {
    const own = isByLayer ? given[layerType] : given;
    refuseOther(`rope_parameters.${layerType}`, own);
    if (!isContainer(own)) continue;
    takeTheta(fields, own, thetaField);
    takeScaling(fields, own);
  }
}

/** @throws ValueError for what is neither an object nor null */
function refuseOther(name: string, value: unknown): void {
  if (value === undefined || value === null || (isContainer(value) && !Array.isArray(value))) return;
  throw invalid(
    `${name} is ${JSON.stringify(value)}`,
    'an object such as { "rope_type": "default", "rope_theta": 10000.0 }',
  );
}

function invalid(what: string, wanted: string): ValueError {
  return new ValueError(`config.${what}; it must be ${wanted}`, { code: 'ERR_CONFIG_TYPE' });
}

function splitFlat(fields: Record<string, unknown>, given: Record<string, unknown>): void {
  delete fields['rope_parameters'];
  takeTheta(fields, given, 'rope_theta');
  takeScaling(fields, given);
  if (given['partial_rotary_factor'] !== undefined) fields['partial_rotary_factor'] = given['partial_rotary_factor'];
}

function takeTheta(fields: Record<string, unknown>, given: Record<string, unknown>, thetaField: string): void {
  if (given['rope_theta'] === undefined || given['rope_theta'] === null) return;
  if (typeof given['rope_theta'] !== 'number')
    throw invalid(`rope_parameters.rope_theta is ${JSON.stringify(given['rope_theta'])}`, 'a number');
  fields[thetaField] = given['rope_theta'];
  passKind(given, 'rope_theta', fields, thetaField);
}

function takeScaling(fields: Record<string, unknown>, given: Record<string, unknown>): void {
  if (typeOf(given) === 'default') return;
  const scaling = copyJson(given);
  delete scaling['rope_theta'];
  delete scaling['partial_rotary_factor'];
  fields['rope_scaling'] = scaling;
}

/** What the layers of `config` rotate with; null when it has no rotary positions. */
export function ropeParametersOf(
  config: Readonly<Record<string, unknown>>,
): RopeParameters | Record<string, RopeParameters> | null {
  const scaling = isContainer(config['rope_scaling']) ? config['rope_scaling'] : {};
  checkType(scaling);
  const withTheta = (rope_theta: unknown): RopeParameters => ({
    ...scaling,
    rope_type: typeOf(scaling),
    rope_theta: rope_theta as number,
  });
  const global = config['global_rope_theta'];
  if (typeof global !== 'number')
    return typeof config['rope_theta'] === 'number' ? withTheta(config['rope_theta']) : null;
  const thetas = { full_attention: global, sliding_attention: config['local_rope_theta'] ?? global };
  return Object.fromEntries(Object.entries(thetas).map(([layerType, theta]) => [layerType, withTheta(theta)]));
}

/** The kind of scaling; files of several ages call the key `type`, and `longrope` 'su'. */
function typeOf(scaling: Record<string, unknown>): string {
  const type = scaling['rope_type'] ?? scaling['type'] ?? 'default';
  return type === 'su' ? 'longrope' : String(type);
}

function checkType(scaling: unknown): void {
  if (!isContainer(scaling) || knownTypes.includes(typeOf(scaling))) return;
  throw new ValueError(`rope type '${typeOf(scaling)}' is not known; it must be one of: ${knownTypes.join(', ')}`, {
    code: 'ERR_CONFIG_FIELD',
  });
}
