import { NotImplementedError, ValueError } from '../errors';
import { rotary_embedding } from '../tensor/ops/rope';
import { Tensor } from '../tensor/tensor';

/** What a model rotates with, as `rope_parameters` of its config says it, and the sizes that this is measured against. */
export interface RotaryConfig {
  rope_type: string;
  rope_theta: number;
  /** Elements of a head that turn. */
  dim: number;
  max_position_embeddings: number;
  [parameter: string]: unknown;
}

/** Frequencies of the pairs of a head, and the factor on what they turn. */
export interface RotaryFrequencies {
  /** [dim / 2] */
  inv_freq: Float32Array;
  scaling: number;
}

const { fround } = Math;

/**
 * Rotary positions of a call: one set of frequencies for all layers.
 * Sources: arXiv:2104.09864; transformers modeling_rope_utils.py (5.18.0).
 */
export class RotaryEmbedding {
  private readonly inv_freq: Tensor;
  private readonly scaling: number;

  /**
   * @param position_ids - [N], of the tokens of the call
   * @param seq_len - 1 + the highest position of the call
   */
  constructor(
    config: RotaryConfig,
    private readonly position_ids: Tensor,
    seq_len: number,
  ) {
    const { inv_freq, scaling } = rotaryFrequencies(config, seq_len);
    this.inv_freq = new Tensor('float32', inv_freq);
    this.inv_freq.native(); // uploaded once for all layers, in the scope of the call
    this.scaling = scaling;
  }

  /** @param x - [N, heads · D] */
  rotate(x: Tensor, heads: number): Tensor {
    return rotary_embedding(x, this.position_ids, { heads, inv_freq: this.inv_freq, scaling: this.scaling });
  }
}

/**
 * The frequencies for a sequence of `seq_len` positions; only 'dynamic' and 'longrope' depend on it. All is worked out
 * in float32, as PyTorch does.
 * @throws ValueError for a parameter that is missing or cannot be; NotImplementedError for heads that turn in part
 */
export function rotaryFrequencies(config: RotaryConfig, seq_len: number): RotaryFrequencies {
  const { rope_type, rope_theta: theta, dim } = config;
  const partial = config['partial_rotary_factor'] ?? 1;
  if (partial !== 1)
    throw new NotImplementedError(
      `partial_rotary_factor is ${String(partial)}; only whole heads turn here, that is 1`,
      {
        code: 'ERR_CONFIG_FIELD',
      },
    );
  switch (rope_type) {
    case 'default':
      return { inv_freq: frequencies(theta, dim), scaling: 1 };
    case 'linear': {
      const factor = number(config, 'factor');
      return { inv_freq: frequencies(theta, dim).map((f) => f / factor), scaling: 1 };
    }
    case 'dynamic':
      return { inv_freq: frequencies(dynamicTheta(config, seq_len), dim), scaling: 1 };
    case 'yarn':
      return yarn(config);
    case 'longrope':
      return longrope(config, seq_len);
    case 'llama3':
      return llama3(config);
    default:
      throw new ValueError(`rope type '${rope_type}' is not known`, { code: 'ERR_CONFIG_FIELD' });
  }
}

/** theta^(2i / dim) */
function periods(theta: number, dim: number): Float32Array {
  return Float32Array.from({ length: dim / 2 }, (_, i) => fround(theta) ** fround((2 * i) / dim));
}

function frequencies(theta: number, dim: number): Float32Array {
  return periods(theta, dim).map((p) => 1 / p);
}

/** The base that grows with the sequence, once it is longer than the model was trained for (NTK scaling). */
function dynamicTheta(config: RotaryConfig, seq_len: number): number {
  const { rope_theta, dim, max_position_embeddings: trained } = config;
  const factor = number(config, 'factor');
  const stretch = (factor * Math.max(seq_len, trained)) / trained - (factor - 1);
  return rope_theta * stretch ** (dim / (dim - 2));
}

/** Source: arXiv:2309.00071. */
function yarn(config: RotaryConfig): RotaryFrequencies {
  const { rope_theta: theta, dim } = config;
  const original = number(config, 'original_max_position_embeddings', config.max_position_embeddings);
  const factor = number(config, 'factor', config.max_position_embeddings / original);
  const [mscale, mscaleAll] = [number(config, 'mscale', 0), number(config, 'mscale_all_dim', 0)];
  const inferred =
    mscale && mscaleAll ? yarnScale(factor, mscale) / yarnScale(factor, mscaleAll) : yarnScale(factor, 1);

  // The pair that turns `turns` times over the original length.
  const pairOf = (turns: number) => (dim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  let low = pairOf(number(config, 'beta_fast', 0) || 32);
  let high = pairOf(number(config, 'beta_slow', 0) || 1);
  if (config['truncate'] !== false) [low, high] = [Math.floor(low), Math.ceil(high)];
  [low, high] = [Math.max(low, 0), Math.min(high, dim - 1)];
  if (low === high) high += 0.001;

  const inv_freq = periods(theta, dim).map((period, i) => {
    const ramp = Math.min(1, Math.max(0, fround(fround(i - low) / fround(high - low))));
    const kept = fround(1 - ramp);
    return fround(fround(1 / fround(factor * period)) * fround(1 - kept)) + fround(fround(1 / period) * kept);
  });
  return { inv_freq, scaling: number(config, 'attention_factor', inferred) };
}

function yarnScale(factor: number, mscale: number): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

/** Source: arXiv:2402.13753. */
function longrope(config: RotaryConfig, seq_len: number): RotaryFrequencies {
  const { rope_theta: theta, dim, max_position_embeddings: trained } = config;
  const original = number(config, 'original_max_position_embeddings', trained);
  const factor = number(config, 'factor', trained / original);
  const name = seq_len > original ? 'long_factor' : 'short_factor';
  const factors = config[name];
  if (!Array.isArray(factors) || factors.length !== dim / 2 || factors.some((f) => typeof f !== 'number'))
    throw new ValueError(
      `rope_scaling.${name} must be ${dim / 2} numbers, one for each pair of a head, not ${JSON.stringify(factors)}`,
      { code: 'ERR_CONFIG_FIELD' },
    );
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const inv_freq = periods(theta, dim).map((period, i) => 1 / fround(fround(factors[i] as number) * period));
  return { inv_freq, scaling: number(config, 'attention_factor', inferred) };
}

/** Llama 3.1: low frequencies are divided, high ones kept, those between blended. */
function llama3(config: RotaryConfig): RotaryFrequencies {
  const factor = number(config, 'factor');
  const [low, high] = [number(config, 'low_freq_factor'), number(config, 'high_freq_factor')];
  const original = number(config, 'original_max_position_embeddings');
  const inv_freq = frequencies(config.rope_theta, config.dim).map((f) => {
    const wavelength = over(2 * Math.PI, f);
    if (wavelength < original / high) return f;
    if (wavelength > original / low) return f / factor;
    const smooth = fround(fround(over(original, wavelength) - low) / (high - low));
    return fround(fround(fround(1 - smooth) * f) / factor) + fround(smooth * f);
  });
  return { inv_freq, scaling: 1 };
}

/** A number over a tensor's, as PyTorch works it out: by the reciprocal. */
function over(a: number, b: number): number {
  return fround(fround(a) * fround(1 / b));
}

/** @throws ValueError when the parameter is no number, or absent and without a fallback */
function number(config: RotaryConfig, name: string, fallback?: number): number {
  const value = config[name] ?? fallback;
  if (typeof value === 'number' && !Number.isNaN(value)) return value;
  throw new ValueError(
    `rope_scaling.${name} must be a number for rope type '${config.rope_type}', not ${JSON.stringify(value) ?? 'left out'}`,
    { code: 'ERR_CONFIG_FIELD' },
  );
}
