import type { GgufMetadata } from '../../lib/checkpoint/gguf/gguf-values';
import { formatIndex, parseIndex } from '../../lib/checkpoint/index-file';
import type { CheckpointSource, TensorInfo } from '../../lib/checkpoint/source';
import { storedDType } from '../../lib/checkpoint/stored-dtype';
import { planWeights, type WeightToWrite } from '../../lib/checkpoint/weights-files';
import { AbortError } from '../../lib/errors';
import { BertConfig, BertModel } from '../../lib/models/bert/model';
import { tensorflow1Bert } from '../../lib/models/bert/weights';
import { Parameter } from '../../lib/nn/parameter';
import { translate } from '../../lib/pretrained/dialects/translate';
import { type LoadTarget, planLoad, shapesOf } from '../../lib/pretrained/load-plan';
import { LoadProgress } from '../../lib/pretrained/load-progress';
import { Tensor } from '../../lib/tensor/tensor';
import type { Steps } from '../../lib/turns';
import { loggedMessages } from '../logged-messages';
import { turnsDuring } from '../turns-during';

/**
 * What follows the opening of a checkpoint of many tensors is done in steps: between two of them a bounded number of
 * names is looked at, however many there are.
 */

loggedMessages(); // which name every weight that was not used
const kTensors = 10_000;
/** Names that may be looked at between two steps. */
const kMostAtOnce = 2500;

/** An open checkpoint of many tensors that no model wants, and how many of them have been looked at. */
class ManyTensors {
  looks = 0;
  readonly source: CheckpointSource;
  private readonly texts: readonly string[];

  constructor(format: string, nameAt: (i: number) => string, more: Partial<CheckpointSource> = {}) {
    this.texts = Array.from({ length: kTensors }, (_, i) => nameAt((i * 7919) % kTensors));
    const known = new Set(this.texts);
    const base = {
      format,
      files: ['many'],
      metadata: new Map(),
      indexMetadata: new Map(),
      otherKeys: [],
      forbidden: [],
    };
    this.source = {
      ...base,
      names: () => new Proxy(this.texts, { get: (texts, key) => this.look(texts, key) }),
      has: (name: string) => known.has(name),
      info: (): TensorInfo => ({ dtype: 'float32', shape: [1, 2], file: 'many', byteOffset: 0, byteLength: 8 }),
      ...more,
    } as unknown as CheckpointSource;
  }

  private look(texts: readonly string[], key: string | symbol): unknown {
    if (typeof key === 'string' && /^\d+$/.test(key)) this.looks++;
    return Reflect.get(texts, key);
  }
}

/** The result of `steps`, and the most that `count` grew between two of them. */
function driven<T>(steps: Steps<T>, count: () => number): { value: T; most: number } {
  let most = 0;
  for (;;) {
    const before = count();
    const step = steps.next();
    most = Math.max(most, count() - before);
    if (step.done) return { value: step.value, most };
  }
}

const target: LoadTarget = {
  className: 'Toy',
  parameters: new Map([['encoder.weight', new Parameter([1, 2])]]),
  silentBuffers: new Set(),
  base_model_prefix: 'toy',
  ignoreMissing: [],
  ignoreUnexpected: [],
  tensorflow1: tensorflow1Bert,
};

describe('the plan of a load', () => {
  it.each([
    ['names as the model has them', (i: number) => `extra.${i}.weight`],
    ['names of older versions', (i: number) => `extra.${i}.LayerNorm.gamma`],
    ['names of a head that is loaded into its base', (i: number) => `toy.extra.${i}.weight`],
  ])('is made in steps: %s', (_, nameAt) => {
    const many = new ManyTensors('pytorch', nameAt);
    const plan = driven(planLoad(shapesOf(many.source), target), () => many.looks);
    expect(plan.most).toBeLessThan(kMostAtOnce);
    expect(many.looks).toBeGreaterThanOrEqual(kTensors);
    const expected = many.source.names().map((name) => name.replace(/^toy\./, '').replace('gamma', 'weight'));
    expect(plan.value.unexpected_keys).toEqual([...expected].sort());
  });

  it('asks for the shape of no tensor that the model does not want', () => {
    const info = jest.fn();
    const many = new ManyTensors('pytorch', (i) => `extra.${i}.weight`, { info });
    driven(planLoad(shapesOf(many.source), target), () => many.looks);
    expect(info).not.toHaveBeenCalled();
  });
});

describe('names of other frameworks', () => {
  const llama: GgufMetadata = new Map([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['llama.attention.head_count', { type: 'uint32', value: 2 }],
  ]);
  const gguf = { parts: [{ format: 'gguf', values: llama }] as never };

  it.each([
    ['flax', (i: number) => `extra/${i}/kernel`, {}, 'extra.1.weight'],
    ['tensorflow', (i: number) => `scope/extra_._${i}/kernel:0`, { parts: ['one'] }, 'extra.1.weight'],
    ['tensorflow1', (i: number) => `bert/extra_${i}/kernel`, {}, 'bert/extra_1/kernel'],
    ['gguf', (i: number) => `blk.${i}.ffn_up.weight`, gguf, 'model.layers.1.mlp.up_proj.weight'],
  ])('are translated in steps: %s', (format, nameAt, more, name) => {
    const many = new ManyTensors(format, nameAt, more as never);
    const { value, most } = driven(translate(many.source, target), () => many.looks);
    expect(most).toBeLessThan(kMostAtOnce);
    expect(value.names()).toHaveLength(kTensors);
    expect(value.has(name)).toBe(true);
  });
});

describe('what else is asked of every tensor', () => {
  it('is, for the dtype of a checkpoint without floating types, looked at in steps', () => {
    let looks = 0;
    function* types(): Iterable<[string, string]> {
      for (; looks < kTensors; looks++) yield [`t${looks}`, 'int8'];
    }
    const { value, most } = driven(storedDType(types(), null), () => looks);
    expect(value).toEqual({ dtype: 'int8', from: "tensor 't0'" });
    expect(most).toBeLessThan(kMostAtOnce);
  });

  it('is counted in steps for who hears of the progress, and not at all for nobody', () => {
    const many = new ManyTensors('safetensors', (i) => `extra.${i}`);
    driven(LoadProgress.of('toy', many.source, null), () => many.looks);
    expect(many.looks).toBe(0);
    const heard: object[] = [];
    const { value, most } = driven(
      LoadProgress.of('toy', many.source, (event) => heard.push(event)),
      () => many.looks,
    );
    expect(most).toBeLessThan(kMostAtOnce);
    value.done();
    expect(heard).toContainEqual(expect.objectContaining({ status: 'progress', total: 8 * kTensors }));
  });

  it('is spread over files, and written into their index, in steps', () => {
    let looks = 0;
    const weights = Array.from({ length: kTensors }, (_, i) => ({
      get name() {
        looks++;
        return `extra.${i}`;
      },
      byteLength: 8,
      storage: i,
    })) as unknown as WeightToWrite[];
    const layout = { format: 'safetensors', variant: null, maxShardBytes: 4 * kTensors } as const;
    const { value, most } = driven(planWeights(weights, layout, 2 * kTensors), () => looks);
    expect(most).toBeLessThan(kMostAtOnce);
    expect(value.files.map((file) => file.weights.length)).toEqual([kTensors / 2, kTensors / 2]);
    const index = parseIndex(Buffer.from(value.index?.text ?? ''), 'index');
    expect(index.weightMap.size).toBe(kTensors);
    const text = driven(formatIndex(index), () => 0).value;
    expect(text).toBe(value.index?.text);
  });
});

describe('a load with 100,000 tensors that the model does not want', () => {
  const config = new BertConfig({ hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 1 });
  const tensor = new Tensor('float32', new Float32Array(4), [4]);
  const state_dict = new Map(Array.from({ length: 100_000 }, (_, i) => [`extra.${i}.weight`, tensor]));
  /** Calls `then` after some turns of the event loop. */
  const afterTurns = (turns: number, then: () => void): void => {
    setImmediate(() => (turns > 1 ? afterTurns(turns - 1, then) : then()));
  };

  it('hears of an abort while it plans', async () => {
    const controller = new AbortController();
    afterTurns(3, () => controller.abort());
    const loading = BertModel.from_pretrained(null, { config, state_dict, signal: controller.signal });
    await expect(loading).rejects.toBeInstanceOf(AbortError);
  });

  it('lets other events in, and names all of them', async () => {
    const loading = BertModel.from_pretrained(null, { config, state_dict, output_loading_info: true });
    const turns = await turnsDuring(loading);
    const [model, { unexpected_keys }] = await loading;
    expect(unexpected_keys).toEqual([...state_dict.keys()].sort());
    expect(turns).toBeGreaterThan(5);
    await model.dispose();
  });
});
