import { setLogHook } from '../../lib/logging';
import { BertConfig, BertModel } from '../../lib/models/bert/model';
import { GPT2Config, GPT2LMHeadModel } from '../../lib/models/gpt2/model';
import { DynamicCache } from '../../lib/nn/cache';
import { apply_chunking_to_forward } from '../../lib/nn/chunked-forward';
import { EncoderDecoderCache } from '../../lib/nn/encoder-decoder-cache';
import { set_seed } from '../../lib/pretrained/init';
import { load_sharded_checkpoint } from '../../lib/pretrained/load-sharded-checkpoint';
import { SequenceSummary } from '../../lib/pretrained/sequence-summary';
import { get_checkpoint_shard_files, load_state_dict } from '../../lib/pretrained/weights-functions';
import { Tensor } from '../../lib/tensor/tensor';

/** What a program gets wrong: each call names it, and changes nothing. */

const tiny = { vocab_size: 10, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 4, intermediate_size: 16 };
let model: BertModel;

beforeEach(() => {
  setLogHook(() => {});
  model = new BertModel(new BertConfig(tiny));
  model.init_weights();
});
afterEach(async () => {
  await model.dispose();
  setLogHook(null);
});

describe('methods of a model', () => {
  const wrong = (value: unknown) => value as never;
  it.each<[string, () => unknown, RegExp]>([
    ['num_parameters', () => model.num_parameters(wrong({ only_trainabel: true })), /did you mean 'only_trainable'/],
    ['num_parameters', () => model.num_parameters(wrong(true)), /must be an object, not a boolean/],
    ['num_parameters', () => model.num_parameters(wrong({ only_trainable: 'no' })), /true or false, not a string/],
    ['get_memory_footprint', () => model.get_memory_footprint(wrong({ buffers: false })), /'return_buffers'|buffers/],
    ['get_memory_footprint', () => model.get_memory_footprint(wrong(false)), /must be an object/],
    ['floating_point_ops', () => model.floating_point_ops({}, wrong({ exclude: true })), /unexpected option 'exclude'/],
    ['floating_point_ops', () => model.floating_point_ops(wrong(null)), /one object of named inputs/],
    ['estimate_tokens', () => model.estimate_tokens([[1, 2]]), /such as \{ input_ids \}/],
    ['resize_token_embeddings', () => model.resize_token_embeddings(12, wrong(8)), /must be an object, not a number/],
    [
      'resize_token_embeddings',
      () => model.resize_token_embeddings(12, wrong({ mean_resizing: 'false' })),
      /mean_resizing of resize_token_embeddings must be true or false/,
    ],
    ['requires_grad_', () => model.requires_grad_(wrong('no')), /true or false, not no/],
    ['add_model_tags', () => model.add_model_tags(wrong([5])), /list of texts/],
    ['load_state_dict', () => model.load_state_dict(new Map(), wrong({ strict: 'no' })), /true or false/],
    ['to', () => model.to('float16', 'bfloat16'), /two of one kind/],
    ['to', () => model.to('cpu', 'float16', wrong(true)), /an argument more/],
    [
      'get_extended_attention_mask',
      () => model.get_extended_attention_mask([[1]], [1, 1], wrong({ type: 'x' })),
      /type/,
    ],
    ['invert_attention_mask', () => model.invert_attention_mask(wrong(null)), /nested arrays of numbers, not null/],
    [
      'create_extended_attention_mask_for_decoder',
      () => model.create_extended_attention_mask_for_decoder([1, 3], [[1, 1]]),
      /2 positions, but the input has 3/,
    ],
    [
      'create_extended_attention_mask_for_decoder',
      () => model.create_extended_attention_mask_for_decoder([1, 3], [1, 1, 1]),
      /Wrong shape for attention_mask/,
    ],
    [
      'create_extended_attention_mask_for_decoder',
      () => model.create_extended_attention_mask_for_decoder(wrong('x'), [[1]]),
      /Wrong shape for input_ids/,
    ],
    [
      'prune_heads',
      () =>
        model.prune_heads(
          new Map([
            [0, [0, 1]],
            ['0' as never, [2, 3]],
          ]),
        ),
      /no head of layer 0/,
    ],
  ])('%s says what is wrong', (_, call, message) => {
    const before = [model.num_parameters(), model.dtype, model.config.vocab_size];
    let error: unknown;
    try {
      call();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_/), message: expect.stringMatching(message) });
    expect([model.num_parameters(), model.dtype, model.config.vocab_size]).toEqual(before);
    expect(model.config.pruned_heads).toEqual({});
  });

  it('take null for no options', async () => {
    expect(model.num_parameters(null)).toBe(model.num_parameters());
    expect(model.get_memory_footprint(null)).toBe(model.get_memory_footprint());
    expect(model.get_head_mask(undefined, 2)).toEqual([null, null]);
    expect(model.resize_token_embeddings(12, null).num_embeddings).toBe(12);
    await expect(model.push_to_hub(null, null)).rejects.toThrow(/needs `repo_id`/);
  });

  it('cast and move in one call, as in PyTorch', () => {
    expect(model.to('cpu', 'float16').dtype).toBe('float16');
    expect(model.to('bfloat16', 'cpu').dtype).toBe('bfloat16');
  });
});

describe('functions beside the classes', () => {
  it('name the option that they do not have, and the argument that they need', async () => {
    const unknown = { code: 'ERR_UNKNOWN_NAME', message: expect.stringContaining('weights_only') };
    const options = { weights_only: true } as object;
    await expect(load_state_dict('nowhere', options)).rejects.toMatchObject(unknown);
    await expect(get_checkpoint_shard_files('nowhere', options)).rejects.toMatchObject(unknown);
    await expect(load_sharded_checkpoint(model, 'nowhere', options)).rejects.toMatchObject(unknown);
    await expect(load_sharded_checkpoint(model, 'nowhere', null)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    await expect(load_sharded_checkpoint(null as never, 'nowhere')).rejects.toThrow(/takes a model/);
    await expect(load_sharded_checkpoint(model, 'x', { strict: 'no' } as object)).rejects.toThrow(/true or false/);
    expect(() => set_seed('7' as never)).toThrow(/whole number, not 7/);
  });

  it('need what they are made of', () => {
    for (const make of [
      () => new SequenceSummary(null as never),
      () => DynamicCache.from_legacy_cache('x' as never),
      () => DynamicCache.from_legacy_cache([null] as never),
      () => EncoderDecoderCache.from_legacy_cache(undefined as never),
    ])
      expect(make).toThrow(expect.objectContaining({ name: 'TypeError', code: 'ERR_TYPE' }));
    expect(DynamicCache.from_legacy_cache(null).get_seq_length()).toBe(0);
    expect(EncoderDecoderCache.from_legacy_cache(null).get_seq_length()).toBe(0);
  });

  it('cut into whole chunks only', () => {
    const x = new Tensor('float32', [1, 2, 3], [3]);
    expect(() => apply_chunking_to_forward((y) => y, 1.5, 0, x)).toThrow(/chunk_size is 1.5/);
  });
});

describe('a call of a decoder', () => {
  it('takes no text for use_cache', async () => {
    await using decoder = new GPT2LMHeadModel(new GPT2Config({ vocab_size: 9, n_embd: 4, n_head: 2, n_layer: 1 }));
    decoder.init_weights();
    await expect(decoder({ input_ids: [[1]], use_cache: 'no' })).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/use_cache of GPT2LMHeadModel must be true or false/),
    });
  });
});
