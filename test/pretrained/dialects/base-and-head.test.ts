/** Base models and heads fill each other from any framework's file, and shapes must fit (rows 148, 158). */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertCheckpoint } from '../../../lib/auto/convert-checkpoint';
import { BertForMaskedLM, BertForPreTraining, BertModel } from '../../../lib/models/bert/model';
import type { LoadingInfo } from '../../../lib/pretrained/from-pretrained';
import type { ModelClass, PreTrainedModel } from '../../../lib/pretrained/pretrained-model';
import { errorOf } from '../../checkpoint/scratch';

const golden = join(__dirname, '..', '..', 'goldens', 'bert', 'base');
const table = 'embeddings.word_embeddings.weight';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'base-and-head-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** What a class saves of the golden, in another framework's format. */
async function folderOf(ModelType: ModelClass, to: string): Promise<string> {
  const folder = join(parent, to);
  const model = (await (ModelType as typeof BertModel).from_pretrained(golden)) as PreTrainedModel;
  await model.save_pretrained(folder);
  await model.dispose();
  await convertCheckpoint(folder, { to });
  return folder;
}

const numbers = async (model: PreTrainedModel, name: string) =>
  Array.from((await model.state_dict().get(name)?.getData()) as Float32Array);

describe.each([
  ['tensorflow', { from_tf: true }],
  ['flax', { from_flax: true }],
])('a file of %s', (to, flag) => {
  it('of a head fills the base, and the other way round', async () => {
    const options = { ...flag, output_loading_info: true } as const;
    const whole = await BertForMaskedLM.from_pretrained(golden);
    const rows = await numbers(whole, `bert.${table}`);

    const [base, ofHead] = await BertModel.from_pretrained(await folderOf(BertForMaskedLM, to), options);
    expect(await numbers(base, table)).toEqual(rows);
    expect(ofHead.missing_keys).toEqual(['pooler.dense.bias', 'pooler.dense.weight']);
    expect(ofHead.unexpected_keys.every((name: string) => name.startsWith('cls.'))).toBe(true);

    rmSync(join(parent, to), { recursive: true });
    const [head, ofBase] = await BertForMaskedLM.from_pretrained(await folderOf(BertModel, to), options);
    expect(await numbers(head, `bert.${table}`)).toEqual(rows);
    expect(ofBase.missing_keys).toContain('cls.predictions.transform.dense.weight');
    expect(ofBase.missing_keys.every((name: string) => name.startsWith('cls.'))).toBe(true);
    for (const model of [whole, base, head]) await model.dispose();
  });

  it('whose shapes are others is refused by name and both shapes, or passed over', async () => {
    const folder = await folderOf(BertModel, to);
    const file = join(folder, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8')) as { vocab_size: number; hidden_size: number };
    writeFileSync(file, JSON.stringify({ ...config, vocab_size: config.vocab_size + 5 }));
    const shapes = [config.vocab_size, config.vocab_size + 5].map((rows) => [rows, config.hidden_size]);
    expect(await errorOf(() => BertModel.from_pretrained(folder, flag))).toMatchObject({
      code: 'ERR_SIZE_MISMATCH',
      message: expect.stringMatching(new RegExp(`${table}.*\\[${shapes[0]}\\].*\\[${shapes[1]}\\]`)),
    });
    const [model, info] = (await BertModel.from_pretrained(folder, {
      ...flag,
      ignore_mismatched_sizes: true,
      output_loading_info: true,
    })) as [BertModel, LoadingInfo];
    expect(info.mismatched_keys).toEqual([[table, ...shapes]]);
    await model.dispose();
  });
});

it("calls what is no array in a Flax file by its path with dots, as the file's arrays are called", async () => {
  const folder = join(parent, 'flax');
  cpSync(join(__dirname, '..', '..', 'goldens', 'frameworks', 'bert-flax'), folder, { recursive: true });
  const file = join(folder, 'flax_model.msgpack');
  const bytes = readFileSync(file);
  bytes[0] = (bytes[0] as number) + 1; // one entry more: { extra: { step: 3 } }
  writeFileSync(file, Buffer.concat([bytes, Buffer.from('\xa5extra\x81\xa4step\x03', 'latin1')]));
  const [model, info] = await BertForPreTraining.from_pretrained(folder, {
    from_flax: true,
    output_loading_info: true,
  });
  expect(info).toMatchObject({ missing_keys: [], unexpected_keys: ['extra.step'] });
  await model.dispose();
});
