import { Parameter } from '../../lib/nn/parameter';
import { type LoadTarget, planLoad } from '../../lib/pretrained/load-plan';
import { atOnce } from '../../lib/turns';

const shapes = (entries: Record<string, number[]>) => new Map(Object.entries(entries));
const planned = (...given: Parameters<typeof planLoad>) => atOnce(planLoad(...given));

function target(names: Record<string, number[] | Parameter>, more: Partial<LoadTarget> = {}): LoadTarget {
  const parameters = new Map(
    Object.entries(names).map(([name, value]) => [name, value instanceof Parameter ? value : new Parameter(value)]),
  );
  return {
    className: 'ToyForX',
    parameters,
    silentBuffers: new Set(),
    base_model_prefix: 'toy',
    ignoreMissing: [],
    ignoreUnexpected: [],
    ...more,
  };
}

const head = { 'toy.a.weight': [2, 3], 'toy.a.bias': [2], 'classifier.weight': [5, 2], 'classifier.bias': [5] };
const base = { 'a.weight': [2, 3], 'a.bias': [2] };

describe('the load plan', () => {
  it('fills equal names and reports nothing (row 59)', () => {
    const plan = planned(shapes(head), target(head));
    expect(plan.steps.map((s) => [s.name, s.source])).toEqual(Object.keys(head).map((name) => [name, name]));
    expect([plan.missing_keys, plan.unexpected_keys, plan.mismatched_keys]).toEqual([[], [], []]);
  });

  it('strips the prefix for a base from a head, and names what is left over as the file does (row 57)', () => {
    const plan = planned(shapes({ ...head, 'toy.z': [1] }), target(base));
    expect(plan.steps.map((s) => s.source)).toEqual(['toy.a.weight', 'toy.a.bias']);
    expect(plan.unexpected_keys).toEqual(['classifier.bias', 'classifier.weight', 'z']);
  });

  it('puts the prefix on for a head from a base (row 57)', () => {
    const plan = planned(shapes(base), target(head));
    expect(plan.steps.map((s) => [s.name, s.source])).toEqual([
      ['toy.a.weight', 'a.weight'],
      ['toy.a.bias', 'a.bias'],
    ]);
    expect(plan.missing_keys).toEqual(['classifier.bias', 'classifier.weight']);
  });

  it('takes a name that only begins like the prefix for no prefix (row 57)', () => {
    const plan = planned(shapes({ ...base, 'toyish.x': [1] }), target(head));
    expect(plan.steps).toHaveLength(2);
    expect(plan.unexpected_keys).toEqual(['toyish.x']);
  });

  it('refuses a base checkpoint that holds a weight of the head (row 58)', () => {
    expect(() => planned(shapes({ ...base, 'classifier.weight': [5, 2] }), target(head))).toThrow(
      expect.objectContaining({ name: 'ValueError', message: expect.stringContaining('corrupted') }),
    );
  });

  it('is silent about buffers that older checkpoints hold (row 59)', () => {
    const silentBuffers = new Set(['embeddings.position_ids']);
    const stored = { ...base, 'embeddings.position_ids': [1, 8] };
    expect(planned(shapes(stored), target(base, { silentBuffers })).unexpected_keys).toEqual([]);
    const fromHead = { 'toy.a.weight': [2, 3], 'toy.a.bias': [2], 'toy.embeddings.position_ids': [1, 8] };
    expect(planned(shapes(fromHead), target(base, { silentBuffers })).unexpected_keys).toEqual([]);
  });

  it('filters both reports by searched expressions (rows 6, 59)', () => {
    const plan = planned(
      shapes({ ...base, 'old.thing': [1] }),
      target(head, { ignoreMissing: ['classifier'], ignoreUnexpected: ['thing'] }),
    );
    expect([plan.missing_keys, plan.unexpected_keys]).toEqual([[], []]);
  });

  it('does not miss a tied weight that stands under one of its names (row 60)', () => {
    const tied = new Parameter([4, 3]);
    const names = { 'toy.table.weight': tied, 'decoder.weight': tied };
    expect(planned(shapes({ 'toy.table.weight': [4, 3] }), target(names)).missing_keys).toEqual([]);
    expect(planned(shapes({ 'decoder.weight': [4, 3], 'toy.x': [1] }), target(names)).missing_keys).toEqual([]);
    expect(planned(shapes({ 'toy.x': [1] }), target(names)).missing_keys).toEqual([
      'decoder.weight',
      'toy.table.weight',
    ]);
  });

  it('names a tied weight that stands twice, so that its bytes can be compared', () => {
    const tied = new Parameter([4, 3]);
    const names = { 'toy.table.weight': tied, 'decoder.weight': tied };
    const plan = planned(shapes({ 'toy.table.weight': [4, 3], 'decoder.weight': [4, 3] }), target(names));
    expect(plan.steps.map((s) => s.name)).toEqual(['toy.table.weight']);
    expect(plan.copies.map((c) => [c.name, c.of.name])).toEqual([['decoder.weight', 'toy.table.weight']]);
  });

  it('renames gamma and beta of a LayerNorm, and nothing that only contains them (row 56)', () => {
    const names = { 'toy.LayerNorm.weight': [3], 'toy.LayerNorm.bias': [3], 'toy.gamma': [1] };
    const plan = planned(
      shapes({ 'toy.LayerNorm.gamma': [3], 'toy.LayerNorm.beta': [3], 'toy.gamma': [1] }),
      target(names),
    );
    expect(plan.renamed).toEqual([
      ['toy.LayerNorm.gamma', 'toy.LayerNorm.weight'],
      ['toy.LayerNorm.beta', 'toy.LayerNorm.bias'],
    ]);
    expect([plan.missing_keys, plan.unexpected_keys]).toEqual([[], []]);
  });

  it('renames weight-norm pairs to whichever form the model has (row 56)', () => {
    const old = { 'toy.conv.weight_g': [1], 'toy.conv.weight_v': [2] };
    const now = {
      'toy.conv.parametrizations.weight.original0': [1],
      'toy.conv.parametrizations.weight.original1': [2],
    };
    expect(planned(shapes(old), target(now)).missing_keys).toEqual([]);
    expect(planned(shapes(now), target(old)).missing_keys).toEqual([]);
  });

  it('applies key_mapping to the names of the file', () => {
    const plan = planned(
      shapes({ 'net.a.weight': [2, 3], 'net.a.bias': [2] }),
      target(base, { key_mapping: { '^net\\.': '' } }),
    );
    expect(plan.missing_keys).toEqual([]);
  });

  it('lists every shape that differs in one error (row 64)', () => {
    const stored = { ...head, 'classifier.weight': [3, 2], 'classifier.bias': [3] };
    expect(() => planned(shapes(stored), target(head))).toThrow(
      expect.objectContaining({
        name: 'RuntimeError',
        message: expect.stringMatching(
          /ToyForX[\s\S]*size mismatch for classifier\.weight: the checkpoint has shape \[3,2\], the model has \[5,2\][\s\S]*size mismatch for classifier\.bias[\s\S]*ignore_mismatched_sizes=True/,
        ),
      }),
    );
  });

  it('leaves tensors of another shape out when asked, with both shapes (row 65)', () => {
    const stored = { ...head, 'classifier.weight': [3, 2] };
    const plan = planned(shapes(stored), target(head), { ignore_mismatched_sizes: true });
    expect(plan.mismatched_keys).toEqual([['classifier.weight', [3, 2], [5, 2]]]);
    expect(plan.missing_keys).toEqual([]);
    expect(plan.unfilled.map((u) => u.name)).toEqual(['classifier.weight']);
  });

  it('names a tied weight of another shape under each name that the file holds (row 65)', () => {
    const tied = target({ 'toy.table.weight': [4, 2], 'decoder.weight': [4, 2] });
    const parameters = new Map(tied.parameters);
    parameters.set('decoder.weight', parameters.get('toy.table.weight') as never);
    const stored = { 'toy.table.weight': [5, 2], 'decoder.weight': [5, 2] };
    const plan = planned(shapes(stored), { ...tied, parameters }, { ignore_mismatched_sizes: true });
    expect(plan.mismatched_keys.map(([name]) => name)).toEqual(['decoder.weight', 'toy.table.weight']);
    expect(plan.unfilled.map((u) => u.name)).toEqual(['toy.table.weight']);
  });

  it('takes a tied weight from the name under which its shape is right, with no word of the other (row 65)', () => {
    const tied = new Parameter([4, 2]);
    const names = { 'toy.table.weight': tied, 'decoder.weight': tied };
    const plan = planned(shapes({ 'toy.table.weight': [5, 2], 'decoder.weight': [4, 2] }), target(names));
    expect([plan.mismatched_keys, plan.missing_keys, plan.unfilled]).toEqual([[], [], []]);
    expect(plan.steps.map(({ name }) => name)).toEqual(['decoder.weight']);
  });
});
