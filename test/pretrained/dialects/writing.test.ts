/** What TensorFlow and Flax call the weights of every class, against Transformers 4.35.2 itself (rows 147, 158). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AutoConfig } from '../../../lib/auto/auto-config';
import type { LoadableClass } from '../../../lib/auto/auto-model';
import { loadFamily } from '../../../lib/auto/families';
import * as flax from '../../../lib/models/flax';
import * as tensorflow from '../../../lib/models/tensorflow';
import { scopeOf } from '../../../lib/pretrained/dialects/tensorflow-names';
import { writingsOf } from '../../../lib/pretrained/dialects/writing';
import { withoutInit } from '../../../lib/pretrained/init';
import type { PreTrainedModel } from '../../../lib/pretrained/pretrained-model';

interface Family {
  family: string;
  config: Record<string, unknown>;
  /** `name shape` */
  variables: string[];
  classes: Record<string, { scope?: string; TensorFlow?: Record<string, number[]>; Flax?: number[] }>;
}

const golden = JSON.parse(
  readFileSync(join(__dirname, '..', '..', 'goldens', 'frameworks', 'names.json'), 'utf8'),
) as Record<string, Family>;

const cases = Object.entries(golden).flatMap(([title, { classes }]) =>
  Object.entries(classes).flatMap(([name, found]) =>
    (['TensorFlow', 'Flax'] as const).map((framework) => [framework, name, title, framework in found] as const),
  ),
);

/** Only the first of two layers is in the golden. */
const isSecond = (name: string) => /_\._1\/|layers\.1\/|\/1\//.test(name);
const textOf = (name: string, shape: readonly number[]) => `${name} [${shape.join(', ')}]`;

function model(title: string, className: string): PreTrainedModel {
  const { config } = golden[title] as Family;
  const model_type = title.split(' ')[0] as string;
  const ModelType = (loadFamily(model_type) as Record<string, unknown>)[className] as LoadableClass;
  return withoutInit(() => new ModelType(AutoConfig.for_model(model_type, config) as never));
}

/** TFMPNetForMaskedLM has a pooler, which nothing computes with; PyTorch's class has none. */
const kUnused: Readonly<Record<string, RegExp>> = {
  MPNetForMaskedLM: /pooler/,
  MPNetForQuestionAnswering: /pooler/,
  MPNetForTokenClassification: /pooler/,
  MPNetForSequenceClassification: /pooler/,
};

describe('names and shapes of', () => {
  const written = cases.filter(([, , , exists]) => exists);

  it.each(written)('%s for %s (%s)', (framework, className, title) => {
    const { variables, classes } = golden[title] as Family;
    const { scope, TensorFlow = {}, Flax = [] } = classes[className] as Family['classes'][string];
    const writings = writingsOf(model(title, className), framework, false);
    const ours: Record<string, string[]> = {};
    for (const { name, shape, layers = [''] } of writings.values())
      for (const layer of isSecond(name) ? [] : layers)
        ours[layer] = [...(ours[layer] ?? []), textOf(name, shape)].sort();
    const theirs: Record<string, string[]> = {};
    for (const [layer, numbers] of Object.entries(framework === 'Flax' ? { '': Flax } : TensorFlow)) {
      const names = numbers.map((i) => (variables[i] as string).replace(/^~/, scope ?? '~'));
      theirs[layer] = names.filter((name) => !kUnused[className]?.test(name)).sort();
    }
    expect(ours).toEqual(theirs);
    if (framework === 'TensorFlow') expect(scopeOf(`TF${className}`)).toBe(scope);
  });

  it('no other class', () => {
    const found = { TensorFlow: tensorflow, Flax: flax };
    for (const [framework, className, , exists] of cases) {
      const name = `${framework === 'Flax' ? 'Flax' : 'TF'}${className}`;
      expect([name, name in found[framework]]).toEqual([name, exists]);
    }
  });
});
