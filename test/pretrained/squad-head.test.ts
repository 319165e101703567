import type { Module } from '../../lib/nn/module';
import { PoolerAnswerClass, PoolerEndLogits } from '../../lib/nn/span-poolers';
import { SQuADHead } from '../../lib/pretrained/squad-head';
import { scope } from '../../lib/tensor/scope';
import { Tensor } from '../../lib/tensor/tensor';
import { numbers } from './surgery/tiny-models';

/** Numbers that a few lines of any language repeat. */
function lcg(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(1103515245, state) + 12345) & 0x7fffffff;
    return state / 2 ** 31 - 0.5;
  });
}

function filled<M extends Module>(module: M): M {
  let i = 0;
  for (const parameter of module.parameters())
    parameter.value = new Tensor('float32', lcg(parameter.size, ++i), parameter.dims);
  return module;
}

const hidden = () =>
  new Tensor(
    'float32',
    lcg(40, 50).map((x) => 2 * x),
    [2, 5, 4],
  );
const p_mask = () => new Tensor('float32', [1, 0, 0, 0, 0, 0, 0, 0, 0, 1], [2, 5]);
const head = filled(new SQuADHead({ hidden_size: 4, layer_norm_eps: 1e-5, start_n_top: 2, end_n_top: 3 }));

function expectClose(got: number[], wanted: number[]): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((x, i) => {
    expect(Math.abs(x - (wanted[i] as number))).toBeLessThan(2e-5);
  });
}

// Numbers of the same modules in Transformers 4.57.6 (models/xlnet).
describe('SQuADHead (row 144)', () => {
  it('follows the best starts and ends, and says whether there is an answer', async () => {
    const output = head.forward(hidden(), { p_mask: p_mask(), cls_index: [0, 4] });
    const field = (name: string) => numbers(output[name] as Tensor);
    expectClose(await field('start_top_log_probs'), [0.32738, 0.30675, 0.27989, 0.26903]);
    expect(await field('start_top_index')).toEqual([1, 4, 0, 1]);
    expectClose(
      await field('end_top_log_probs'),
      [0.27223, 0.26565, 0.24636, 0.25333, 0.24483, 0.24093, 0.26071, 0.26967, 0.25828, 0.25015, 0.24668, 0.24354],
    );
    expect(await field('end_top_index')).toEqual([1, 1, 3, 4, 2, 3, 3, 3, 0, 0, 2, 2]);
    expectClose(await field('cls_logits'), [0.01646, 0.03765]);
    const last = head.forward(hidden(), { p_mask: p_mask() });
    expectClose(await numbers(last['cls_logits'] as Tensor), [0.15894, 0.03765]);
  });

  it('gives the loss of the span, and of the answer class with it', async () => {
    const known = { start_positions: [1, 2], end_positions: [3, 3], p_mask: p_mask() };
    const span = head.forward(hidden(), known);
    expectClose(await numbers(span['loss'] as Tensor), [1.37205]);
    const both = head.forward(hidden(), { ...known, cls_index: [0, 4], is_impossible: [0, 1] });
    expectClose(await numbers(both['loss'] as Tensor), [1.6658]);
  });

  it('needs a start for ends and for the answer class', () => {
    const config = { hidden_size: 4, layer_norm_eps: 1e-5 };
    for (const pooler of [filled(new PoolerEndLogits(config)), filled(new PoolerAnswerClass(config))])
      expect(() => scope(() => pooler.forward(hidden(), {}))).toThrow(/One of start_states, start_positions/);
  });
});
