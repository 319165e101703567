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
  if (isContainer(given) && 'global_rope_theta' in defaults) splitByLayerType(fields, given);
  else if (isContainer(given) && 'rope_theta' in defaults) splitFlat(fields, given);
  else if (given === null && ('rope_theta' in defaults || 'global_rope_theta' in defaults))
    delete fields['rope_parameters'];
  if ('rope_theta' in defaults || 'global_rope_theta' in defaults) checkType(fields['rope_scaling']);
}

function splitByLayerType(fields: Record<string, unknown>, given: Record<string, unknown>): void {
  delete fields['rope_parameters'];
  for (const [layerType, thetaField] of Object.entries(thetaFields)) {
    const own = layerType in given ? given[layerType] : 'rope_type' in given || 'rope_theta' in given ? given : null;
    if (!isContainer(own)) continue;
    takeTheta(fields, own, thetaField);
    takeScaling(fields, own);
  }
}

function splitFlat(fields: Record<string, unknown>, given: Record<string, unknown>): void {
  delete fields['rope_parameters'];
  takeTheta(fields, given, 'rope_theta');
  takeScaling(fields, given);
  if (given['partial_rotary_factor'] !== undefined) fields['partial_rotary_factor'] = given['partial_rotary_factor'];
}

function takeTheta(fields: Record<string, unknown>, given: Record<string, unknown>, thetaField: string): void {
  if (typeof given['rope_theta'] !== 'number') return;
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
  if (typeof config['rope_theta'] === 'number') return withTheta(config['rope_theta']);
  const global = config['global_rope_theta'];
  if (typeof global !== 'number') return null;
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
