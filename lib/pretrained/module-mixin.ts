import { TypeError, ValueError } from '../errors';
import { warn, warnOnce } from '../logging';
import { Embedding } from '../nn/embedding';
import { type IdInput, toIds } from '../nn/ids';
import { Module } from '../nn/module';
import { StoredBuffer } from '../nn/parameter';
import type { TokenInputs } from '../nn/tokens';
import { namedOptions, refuseSurplus } from '../options';
import { type DType, itemSize, parseDtype } from '../tensor/dtype';
import { Tensor } from '../tensor/tensor';
import { castModule, moveOptions } from './casts';
import type { PretrainedConfig } from './config';
import {
  extendedAttentionMask,
  extendedMaskForDecoder,
  headMask,
  invertAttentionMask,
  maskTensor,
} from './extended-masks';
import { checkDevice } from './load-options';
import { type IncompatibleKeys, loadStateDict, type StateDict } from './load-state-dict';
import { addMemoryHooks, resetMemoryHooks } from './memory-hooks';

/** A mask as a call gives it. */
export type MaskInput = Tensor | readonly unknown[];

/** Which parameters `num_parameters` counts. */
export interface CountOptions {
  only_trainable?: boolean;
  /** Leaves out the tables of all Embedding modules: tokens, positions, types. */
  exclude_embeddings?: boolean;
}

/** Counting, masks, casts and memory: what Transformers' `ModuleUtilsMixin` and `nn.Module` offer on every model. */
export abstract class ModuleUtilsMixin extends Module {
  declare readonly config: PretrainedConfig;
  declare warnings_issued: Record<string, boolean>;

  abstract get main_input_name(): string;

  /** Where the parameters are. */
  get device(): 'cpu' {
    return 'cpu';
  }

  /** dtype of the first floating parameter. */
  get dtype(): DType {
    for (const parameter of this.parameters()) return parameter.type;
    return 'float32';
  }

  /** Number of parameters; tied ones count once. @throws TypeError for options that there are not */
  num_parameters(options?: CountOptions | null): number {
    const { only_trainable, exclude_embeddings } = namedOptions(options, 'num_parameters', {
      only_trainable: 'boolean',
      exclude_embeddings: 'boolean',
    });
    const tables = new Set<string>();
    if (exclude_embeddings)
      for (const [name, module] of this.named_modules()) if (module instanceof Embedding) tables.add(`${name}.weight`);
    let n = 0;
    for (const [name, parameter] of this.named_parameters())
      if (!tables.has(name) && !(parameter instanceof StoredBuffer) && (parameter.requires_grad || !only_trainable))
        n += parameter.size;
    return n;
  }

  /**
   * Bytes of the parameters and, unless told otherwise, of the buffers that Transformers' model has: ids of positions and
   * types, and neither causal masks nor what it keeps of rotary positions.
   */
  get_memory_footprint(options?: { return_buffers?: boolean } | null): number {
    const { return_buffers } = namedOptions(options, 'get_memory_footprint', { return_buffers: 'boolean' });
    const withBuffers = return_buffers ?? true;
    let bytes = 0;
    for (const parameter of this.parameters())
      if (withBuffers || !(parameter instanceof StoredBuffer)) bytes += parameter.nbytes;
    if (withBuffers)
      for (const { dims, type, isMask } of new Set(this.buffers()))
        if (!isMask) bytes += dims.reduce((n, d) => n * d, itemSize(type));
    return bytes;
  }

  /** Number of tokens in a call's inputs; 0, with one warning, when they lack the main input. */
  estimate_tokens(inputs: object): number {
    if (inputs === null || typeof inputs !== 'object' || Array.isArray(inputs) || inputs instanceof Tensor)
      throw new TypeError(`estimate_tokens takes one object of named inputs, such as { ${this.main_input_name} }`);
    const main = (inputs as Record<string, unknown>)[this.main_input_name];
    if (main instanceof Tensor) return main.size;
    if (main !== undefined && main !== null) return toIds(this.main_input_name, main as IdInput).data.length;
    if (!this.warnings_issued['estimate_tokens'])
      warn('Could not estimate the number of tokens of the input, floating-point operations will not be computed');
    this.warnings_issued['estimate_tokens'] = true;
    return 0;
  }

  /** Floating-point operations of a forward and a backward pass: 6 · tokens · parameters (arXiv:2001.08361, 2.1). */
  floating_point_ops(inputs: object, options?: { exclude_embeddings?: boolean } | null): number {
    const { exclude_embeddings } = namedOptions(options, 'floating_point_ops', { exclude_embeddings: 'boolean' });
    return 6 * this.estimate_tokens(inputs) * this.num_parameters({ exclude_embeddings: exclude_embeddings ?? true });
  }

  /**
   * What is added to scores so that masked positions are not seen.
   * @param mask - [B, K] or [B, Q, K]; 1 is kept, 0 masked
   * @returns [B, 1, 1, K] or [B, 1, Q, K] of the model's dtype: 0 or its lowest number
   * @throws ValueError for another rank
   */
  invert_attention_mask(mask: MaskInput): Tensor {
    return invertAttentionMask(maskTensor('encoder_attention_mask', mask), this.dtype);
  }

  /**
   * As `invert_attention_mask`; a 2-D mask of a decoder is made causal.
   * @param input_shape - [B, T]
   * @throws ValueError `Wrong shape` for another rank
   */
  get_extended_attention_mask(
    attention_mask: MaskInput,
    input_shape: readonly number[],
    options?: { device?: string | null; dtype?: string | null } | null,
  ): Tensor {
    const { device, dtype } = namedOptions(options, 'get_extended_attention_mask', { device: 'string', dtype: 'any' });
    warnOfDevice(device);
    const mask = maskTensor('attention_mask', attention_mask);
    return extendedAttentionMask(mask, input_shape, this.config.is_decoder, dtype ? parseDtype(dtype) : this.dtype);
  }

  /**
   * A causal mask times a mask of padding; what the mask has in front of the input, a cache, is seen by all.
   * @param input_shape - [B, T]
   * @param attention_mask - [B, S]
   * @returns [B, 1, T, S] of the mask's dtype
   */
  static create_extended_attention_mask_for_decoder(
    input_shape: readonly number[],
    attention_mask: MaskInput,
    options?: { device?: string | null } | null,
  ): Tensor {
    const where = 'create_extended_attention_mask_for_decoder';
    warnOfDevice(namedOptions(options, where, { device: 'string' }).device);
    return extendedMaskForDecoder(input_shape, maskTensor('attention_mask', attention_mask));
  }

  create_extended_attention_mask_for_decoder(
    input_shape: readonly number[],
    attention_mask: MaskInput,
    options?: { device?: string | null } | null,
  ): Tensor {
    return ModuleUtilsMixin.create_extended_attention_mask_for_decoder(input_shape, attention_mask, options);
  }

  /**
   * Factors of heads with an axis for each axis of the probabilities.
   * @param head_mask - [H], [L, H], or with five axes already; null for none
   * @returns [L, 1, H, 1, 1] of the model's dtype (one more axis when chunked), or an array of nulls
   * @throws AssertionError for another rank; ValueError for another number of layers
   */
  get_head_mask(
    head_mask: MaskInput | null | undefined,
    num_hidden_layers: number,
    is_attention_chunked = false,
  ): Tensor | null[] {
    if (head_mask === null || head_mask === undefined) return new Array<null>(num_hidden_layers).fill(null);
    return headMask(maskTensor('head_mask', head_mask), num_hidden_layers, this.dtype, is_attention_chunked);
  }

  /** Warns once when ids begin or end in padding although no mask was given. @param input_ids - [B, T] */
  warn_if_padding_and_no_attention_mask(input_ids: IdInput, attention_mask: unknown): void {
    const { pad_token_id, bos_token_id, eos_token_id, sep_token_id } = this.config;
    if ((attention_mask !== null && attention_mask !== undefined) || pad_token_id === null) return;
    if (!endsOf(input_ids).includes(pad_token_id)) return;
    const message =
      'We strongly recommend passing in an `attention_mask` since your input_ids may be padded. See ' +
      'https://huggingface.co/docs/transformers/troubleshooting#incorrect-output-when-padding-tokens-arent-masked.';
    const isAmbiguous = [bos_token_id, eos_token_id, sep_token_id].includes(pad_token_id);
    warnOnce(
      isAmbiguous
        ? `${message}\nYou may ignore this warning if your \`pad_token_id\` (${pad_token_id}) is identical to the ` +
            `\`bos_token_id\` (${bos_token_id}), \`eos_token_id\` (${eos_token_id}), or the \`sep_token_id\` ` +
            `(${sep_token_id}), and your input is not padded.`
        : message,
    );
  }

  /** @internal The warning above, for the inputs of a call. */
  warnOfPadding({ input_ids, attention_mask }: TokenInputs): void {
    if (input_ids) this.warn_if_padding_and_no_attention_mask(input_ids, attention_mask);
  }

  /**
   * From now on each module's forward adds the change of the process' resident memory to its `mem_rss_diff`. For
   * measuring only: each forward then waits for its result and holds up the event loop.
   */
  add_memory_hooks(): void {
    addMemoryHooks(this);
  }

  /** Sets `mem_rss_diff`, `mem_rss_pre_forward` and `mem_rss_post_forward` of every module to 0. */
  reset_memory_hooks_state(): void {
    resetMemoryHooks(this);
  }

  /**
   * Casts the floating weights to a dtype, or moves them to a device ('cpu'), or both: `to('cpu', 'float16')`. Returns this
   * model.
   */
  to(target: string | { dtype?: string; device?: string }, further?: string, ...surplus: never[]): this {
    refuseSurplus('to', surplus);
    const { dtype, device } = moveOptions(target, further);
    checkDevice(device);
    if (dtype) castModule(this, dtype);
    return this;
  }

  /** Casts the floating weights to float16. */
  half(): this {
    return this.to('float16');
  }

  /** Casts the floating weights to float32. */
  float(): this {
    return this.to('float32');
  }

  /** Casts the floating weights to bfloat16. */
  bfloat16(): this {
    return this.to('bfloat16');
  }

  /** @throws ValueError: weights cannot be held as float64 here */
  double(): this {
    return this.to('float64');
  }

  cpu(): this {
    return this.to({ device: 'cpu' });
  }

  /** @throws ValueError where there is no such device */
  cuda(device: number | string = 0): this {
    return this.to({ device: typeof device === 'number' ? `cuda:${device}` : device });
  }

  /**
   * Copies tensors into the parameters, each in the parameter's own dtype; all or, when something does not fit, none.
   * @returns names that `state` lacks, and names that this model lacks
   * @throws RuntimeError for other shapes and, unless `strict` is false, for names on one side only
   */
  load_state_dict(state: StateDict, options?: { strict?: boolean } | null): IncompatibleKeys {
    return loadStateDict(this, state, options);
  }

  /** Marks all parameters as trained or not. */
  requires_grad_(requires_grad = true): this {
    if (typeof requires_grad !== 'boolean')
      throw new TypeError(`requires_grad_ takes true or false, not ${String(requires_grad)}`);
    for (const parameter of this.parameters())
      if (!(parameter instanceof StoredBuffer)) parameter.requires_grad = requires_grad;
    return this;
  }
}

/** The first and last id of every row. @param input_ids - [B, T] */
function endsOf(input_ids: IdInput): number[] {
  const { data, dims } = input_ids instanceof Tensor ? input_ids : toIds('input_ids', input_ids);
  const [rows, length] = dims as [number, number];
  const ends: number[] = [];
  for (let row = 0; row < rows && length > 0; row++)
    ends.push(Number(data[row * length]), Number(data[(row + 1) * length - 1]));
  return ends;
}

function warnOfDevice(device: string | null | undefined): void {
  if (device === null || device === undefined) return;
  if (device !== 'cpu') throw new ValueError(`device '${device}' is not available; masks are made on 'cpu'`);
  warnOnce('FutureWarning: the `device` argument is deprecated; masks are made where the given one is');
}
