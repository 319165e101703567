import { AutoModel } from '../../lib/auto/auto-model';
import { AlbertConfig, AlbertModel } from '../../lib/models/albert/model';
import { BertConfig, BertModel } from '../../lib/models/bert/model';
import { DistilBertConfig, DistilBertModel } from '../../lib/models/distilbert/model';
import {
  ModernBertConfig,
  ModernBertForSequenceClassification,
  ModernBertModel,
} from '../../lib/models/modernbert/model';

/** What a model is made from a config with `fields`. */
const made = {
  albert: (fields: object) => new AlbertModel(new AlbertConfig({ ...fields, num_hidden_layers: 2 })),
  bert: (fields: object) => new BertModel(new BertConfig({ num_hidden_layers: 1, ...fields })),
  distilbert: (fields: object) => new DistilBertModel(new DistilBertConfig({ n_layers: 1, ...fields })),
  modernbert: (fields: object) => new ModernBertModel(new ModernBertConfig({ num_hidden_layers: 1, ...fields })),
  modernbertHead: (fields: object) =>
    new ModernBertForSequenceClassification(new ModernBertConfig({ num_hidden_layers: 1, ...fields })),
};

describe('a config that cannot be', () => {
  it.each<[keyof typeof made, object, RegExp]>([
    ['bert', { hidden_act: null }, /config.hidden_act is null/],
    ['bert', { position_embedding_type: null }, /config.position_embedding_type is null; expected a text/],
    ['distilbert', { activation: null }, /config.activation is null/],
    ['modernbert', { hidden_activation: null }, /config.hidden_activation is null/],
    ['modernbertHead', { classifier_activation: null }, /config.classifier_activation is null/],
    ['albert', { num_hidden_groups: 0 }, /config.num_hidden_groups is 0.*1 or more/],
    ['bert', { architectures: 'x' }, /config.architectures is 'x'; expected a list of class names/],
    ['bert', { architectures: 0 }, /config.architectures is 0/],
    ['bert', { architectures: {} }, /config.architectures is \{\}/],
    ['bert', { architectures: [5] }, /config.architectures is \[5\]/],
  ])('is refused with the name of its field: %s %j', (family, fields, message) => {
    expect(() => made[family](fields)).toThrow(
      expect.objectContaining({ code: 'ERR_CONFIG_TYPE', message: expect.stringMatching(message) }),
    );
  });

  it('does not reach an Auto class', () => {
    const config = new BertConfig({ num_hidden_layers: 1 });
    config.architectures = null;
    expect(AutoModel.classFor(config)).toBe(BertModel);
  });
});
