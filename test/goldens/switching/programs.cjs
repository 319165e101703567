'use strict';

/**
 * Programs as users of transformers.js 4.3 write them, over the checkpoints of goldens/pipelines by the names that
 * make_switching.py gives them. Each takes the package and gives what it would print. `shapes.json` holds what
 * transformers.js itself gave: see make_switching.mjs.
 * @type {Record<string, (T: any) => Promise<unknown>>}
 */
module.exports = {
  fe_mean: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e('This is a simple test.', { pooling: 'mean', normalize: true });
    const r = [o, o.tolist(), o.dims, o.data.length];
    await e.dispose();
    return r;
  },
  fe_none: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    return e('This is a simple test.');
  },
  fe_none_explicit: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    return e(['a simple test', 'two'], { pooling: 'none' });
  },
  fe_batch: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e(['one text', 'another, longer text here'], { pooling: 'mean', normalize: true });
    return [o, T.cos_sim(o[0].data, o[1].data), T.cos_sim(o.tolist()[0], o.tolist()[1])];
  },
  fe_cls: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat', { dtype: 'fp32' });
    return e(['one', 'two words'], { pooling: 'cls' });
  },
  fe_last: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat', { device: 'cpu' });
    return e('the cat sat', { pooling: 'last_token', normalize: true });
  },
  fe_binary: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    return e('This is a simple test.', { pooling: 'mean', quantize: true, precision: 'binary' });
  },
  fe_ubinary: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    return e(['a', 'b c'], { pooling: 'mean', normalize: true, quantize: true, precision: 'ubinary' });
  },
  fe_slice: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e(['a', 'b c'], { pooling: 'mean' });
    return o.slice(null, [0, 256]).normalize(2, -1);
  },
  fe_layernorm_matryoshka: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    let o = await e(['search_query: a', 'search_document: b c'], { pooling: 'mean' });
    o = T.layer_norm(o, [o.dims[1]]).slice(null, [0, 64]).normalize(2, -1);
    return [o, o.tolist()];
  },
  fe_matmul: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e(['q', 'b c', 'd'], { pooling: 'mean', normalize: true });
    const s = await T.matmul(o.slice([0, 1]), o.slice([1, null]).transpose(1, 0));
    return [s, s.tolist()];
  },
  fe_array_from: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e('x', { pooling: 'mean', normalize: true });
    return [Array.from(o.data), [...o.dims], o.type, o.size, o.ort_tensor === undefined ? 0 : 0];
  },
  fe_iter: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e(['x', 'y'], { pooling: 'mean', normalize: true });
    const rows = [];
    for (const row of o) rows.push(row.tolist());
    return rows;
  },
  fe_destruct: async (T) => {
    const { pipeline, env } = T;
    env.allowRemoteModels = false;
    const extractor = await pipeline('embeddings', 'feat');
    const { data, dims } = await extractor('x', { pooling: 'mean', normalize: true });
    return [Array.from(data), dims];
  },
  tc_one: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    return c('I love transformers!');
  },
  tc_alias: async (T) => {
    const c = await T.pipeline('sentiment-analysis', 'judge');
    return c(['I love it', 'I hate it']);
  },
  tc_topk: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    return c('I love it', { top_k: 2 });
  },
  tc_topk_null: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    return c('I love it', { top_k: null });
  },
  tc_topk_batch: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    return c(['I love it', 'no'], { top_k: 3 });
  },
  tc_topk_many: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    return c('I love it', { top_k: 10 });
  },
  tc_destruct: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    const [{ label, score }] = await c('x');
    return [label, score];
  },
  tc_list_of_one: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    return c(['one']);
  },
  ner: async (T) => {
    const c = await T.pipeline('token-classification', 'ner', { dtype: 'fp32' });
    return c('My name is Sarah and I live in London');
  },
  ner_all: async (T) => {
    const c = await T.pipeline('ner', 'ner');
    return c('Sarah lives in the United States', { ignore_labels: [] });
  },
  ner_batch: async (T) => {
    const c = await T.pipeline('ner', 'ner');
    return c(['Sarah lives', 'in London now'], { ignore_labels: [] });
  },
  ner_simple: async (T) => {
    const c = await T.pipeline('token-classification', 'ner');
    const o = await c('My name is Sarah and I live in London', { aggregation_strategy: 'simple', ignore_labels: [] });
    return o;
  },
  ner_filter: async (T) => {
    const c = await T.pipeline('token-classification', 'ner');
    const o = await c('Sarah lives in London');
    return o.filter((x) => x.score > 0).map((x) => ({ w: x.word, e: x.entity, i: x.index, s: x.score }));
  },
  fm: async (T) => {
    const u = await T.pipeline('fill-mask', 'mlm');
    return u('The goal of life is [MASK].');
  },
  fm_top1: async (T) => {
    const u = await T.pipeline('fill-mask', 'mlm');
    return u('The Milky Way is a [MASK] galaxy.', { top_k: 1 });
  },
  fm_mask_token: async (T) => {
    const u = await T.pipeline('fill-mask', 'mlm');
    return u(`Paris is the ${u.tokenizer.mask_token} of France`, { topk: undefined });
  },
  fm_nomask: async (T) => {
    const u = await T.pipeline('fill-mask', 'mlm');
    try {
      await u('no mask');
      return 'none';
    } catch (e) {
      return [typeof e.message, e instanceof Error];
    }
  },
  qa: async (T) => {
    const a = await T.pipeline('question-answering', 'qa');
    return a('Who was Jim Henson?', 'Jim Henson was a nice puppet.');
  },
  qa_topk: async (T) => {
    const a = await T.pipeline('question-answering', 'qa');
    return a('Who was Jim Henson?', 'Jim Henson was a nice puppet.', { top_k: 3 });
  },
  qa_batch: async (T) => {
    const a = await T.pipeline('question-answering', 'qa');
    return a(['Who was Jim?', 'What is it?'], ['Jim was a nice puppet.', 'It is a small cat.']);
  },
  qa_batch_topk: async (T) => {
    const a = await T.pipeline('question-answering', 'qa');
    return a(['Who was Jim?', 'What is it?'], ['Jim was a nice puppet.', 'It is a small cat.'], { top_k: 2 });
  },
  qa_list_of_one: async (T) => {
    const a = await T.pipeline('question-answering', 'qa');
    return a(['Who was Jim?'], ['Jim was a nice puppet.']);
  },
  zs: async (T) => {
    const c = await T.pipeline('zero-shot-classification', 'judge');
    return c('Last week I upgraded', ['mobile', 'billing', 'website']);
  },
  zs_multi: async (T) => {
    const c = await T.pipeline('zero-shot-classification', 'judge');
    return c('I have a problem', ['urgent', 'phone'], { multi_label: true });
  },
  zs_template: async (T) => {
    const c = await T.pipeline('zero-shot-classification', 'judge');
    return c(['a', 'b'], ['x', 'y'], { hypothesis_template: 'This text is about {}.' });
  },
  zs_one: async (T) => {
    const c = await T.pipeline('zero-shot-classification', 'judge');
    return c('a', 'urgent');
  },
  tok_call: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('ner');
    const o = await t('I love transformers!');
    return o;
  },
  tok_pad: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return t(['a', 'longer text than that'], { padding: true, truncation: true });
  },
  tok_maxlen: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return t(['a', 'longer text'], { padding: 'max_length', max_length: 16, truncation: true });
  },
  tok_maxlen2: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return t('hello', { padding: 'max_length', max_length: 12 });
  },
  tok_trunc: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return t('one two three four five six seven', { truncation: true, max_length: 6 });
  },
  tok_notensor: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [await t('a b', { return_tensor: false }), await t(['a b', 'c'], { return_tensor: false })];
  },
  tok_pair: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [
      await t('q', { text_pair: 'p p' }),
      await t(['q', 'r'], { text_pair: ['p p', 's'], padding: true, truncation: true }),
    ];
  },
  tok_encode: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [
      await t.encode('hello world'),
      await t.encode('hello world', { add_special_tokens: false }),
      await t.encode('q', { text_pair: 'p' }),
    ];
  },
  tok_decode: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const ids = await t.encode('hello world');
    const { input_ids } = await t('hello world');
    return [
      await t.decode(ids),
      await t.decode(ids, { skip_special_tokens: true }),
      await t.decode(input_ids, { skip_special_tokens: true }),
      await t.decode(input_ids[0]),
      await t.batch_decode(input_ids, { skip_special_tokens: true }),
      await t.batch_decode([ids, ids]),
    ];
  },
  tok_tokenize: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [await t.tokenize('hello worldly'), await t.tokenize('a', { pair: 'b', add_special_tokens: true })];
  },
  tok_count: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const { input_ids } = await t('how many tokens');
    return [input_ids.size, input_ids.dims.at(-1), input_ids.dims[1]];
  },
  tok_ids: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [t.convert_tokens_to_ids(['[CLS]', '[MASK]']), t.convert_tokens_to_ids('[CLS]')];
  },
  tok_typeids: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('stars');
    return [await t('hello'), await t('hello', { return_token_type_ids: true })];
  },
  tok_padleft: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    t.padding_side = 'left';
    return t(['a', 'b c d'], { padding: true });
  },
  m_auto: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const m = await T.AutoModel.from_pretrained('feat');
    const o = await m(await t(['a text', 'another one'], { padding: true, truncation: true }));
    return [o.last_hidden_state, Object.keys(o).includes('last_hidden_state')];
  },
  m_meanpool: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const m = await T.AutoModel.from_pretrained('feat', { dtype: 'fp32' });
    const inputs = await t(['a text', 'another one here'], { padding: true, truncation: true });
    const { last_hidden_state } = await m(inputs);
    const pooled = T.mean_pooling(last_hidden_state, inputs.attention_mask);
    return [pooled, pooled.normalize(), pooled.normalize(2, -1).tolist()];
  },
  m_seq: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('judge');
    const m = await T.AutoModelForSequenceClassification.from_pretrained('judge', { dtype: 'fp32', device: 'cpu' });
    const { logits } = await m(await t(['a', 'b'], { text_pair: ['c d', 'e f'], padding: true, truncation: true }));
    return [logits, logits.tolist(), T.softmax(logits.data), m.config.id2label, Array.from(logits.data)];
  },
  m_seq_softmax_row: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('judge');
    const m = await T.AutoModelForSequenceClassification.from_pretrained('judge');
    const { logits } = await m(await t('a b'));
    return [
      T.softmax(logits.tolist()[0]),
      m.config.id2label[T.softmax(logits.data).indexOf(Math.max(...T.softmax(logits.data)))],
      logits.sigmoid(),
      logits.sigmoid().tolist(),
      T.softmax(logits[0].data),
    ];
  },
  m_rerank: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('stars');
    const m = await T.AutoModelForSequenceClassification.from_pretrained('stars');
    const i = await t(new Array(2).fill('query'), {
      text_pair: ['doc one', 'doc two'],
      padding: true,
      truncation: true,
    });
    const { logits } = await m(i);
    return logits
      .sigmoid()
      .tolist()
      .map(([score], corpus_id) => ({ corpus_id, score }))
      .sort((a, b) => b.score - a.score);
  },
  m_tok: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('ner');
    const m = await T.AutoModelForTokenClassification.from_pretrained('ner');
    const { logits } = await m(await t('Sarah lives'));
    return [logits, logits[0].tolist(), logits.dims];
  },
  m_mlm: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('mlm');
    const m = await T.AutoModelForMaskedLM.from_pretrained('mlm');
    const { logits } = await m(await t('the [MASK]'));
    const [v, i] = await T.topk(logits[0][2], 3);
    return [logits, v, i, i.tolist()];
  },
  m_class: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('ner');
    const m = await T.BertModel.from_pretrained('feat');
    const { last_hidden_state } = await m(await t('x y'));
    await m.dispose();
    return last_hidden_state;
  },
  m_inputs: async (T) => {
    const m = await T.AutoModel.from_pretrained('feat');
    const ids = new T.Tensor('int64', [2n, 57n, 3n], [1, 3]);
    const o = await m({
      input_ids: ids,
      attention_mask: T.ones_like(ids),
      token_type_ids: new T.Tensor('int64', new BigInt64Array(3), [1, 3]),
    });
    return o.last_hidden_state;
  },
  m_onnxopts: async (T) => {
    const m = await T.AutoModel.from_pretrained('feat', {
      dtype: { model: 'fp32' },
      device: 'cpu',
      subfolder: 'onnx',
      model_file_name: 'model',
      session_options: { graphOptimizationLevel: 'all' },
      local_files_only: true,
      revision: 'main',
    });
    const t = await T.AutoTokenizer.from_pretrained('feat', { local_files_only: true, revision: 'main' });
    return (await m(await t('x'))).last_hidden_state;
  },
  m_usecfg: async (T) => {
    const config = await T.AutoConfig.from_pretrained('feat');
    const m = await T.AutoModel.from_pretrained('feat', { config });
    const t = await T.AutoTokenizer.from_pretrained('feat', { config });
    return (await m(await t('x'))).last_hidden_state;
  },
  m_argmax: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('judge');
    const m = await T.AutoModelForSequenceClassification.from_pretrained('judge');
    const { logits } = await m(await t('a b'));
    return [
      logits.argmax().item(),
      logits.max().item(),
      logits.min().item(),
      logits.squeeze().tolist(),
      T.log_softmax(logits.data),
      logits.mean(1).tolist(),
      logits.to('float32'),
    ];
  },
  env_wasm: async (T) => {
    T.env.backends.onnx.wasm.proxy = false;
    T.env.backends.onnx.logLevel = 'error';
    T.env.backends.onnx.wasm.wasmPaths = '/x/';
    return [T.env.backends.onnx.wasm.proxy];
  },
  env_loglevel: async (T) => {
    T.env.logLevel = T.LogLevel.ERROR;
    return [typeof T.env.logLevel, typeof T.LogLevel.WARNING];
  },
  missing_model: async (T) => {
    try {
      await T.pipeline('feature-extraction', 'does/not-exist');
      return 0;
    } catch (e) {
      return [e instanceof Error, typeof e.message];
    }
  },
  concurrent: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    return Promise.all(['a', 'b c', 'd'].map((x) => e(x, { pooling: 'mean', normalize: true })));
  },
  search: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const docs = ['cats', 'dogs', 'cars'];
    const d = await e(docs, { pooling: 'mean', normalize: true });
    const q = await e('kitten', { pooling: 'mean', normalize: true });
    const s = d
      .tolist()
      .map((v, i) => ({ i, s: T.cos_sim(q.data, v), d: T.dot(q.data, v) }))
      .sort((a, b) => b.s - a.s);
    return s;
  },
  mean_max: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e('the cat');
    return [
      o.mean(1),
      o.mean(1).squeeze(),
      o[0],
      o[0][0],
      o[0][0].data.length,
      o.norm('fro', 2).dims,
      o.unsqueeze(0).dims,
      o.flatten().dims,
      o.view(-1).dims,
      o.permute(0, 2, 1).dims,
    ];
  },
  cat_stack: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const a = await e('a', { pooling: 'mean' });
    const b = await e('b', { pooling: 'mean' });
    return [
      T.cat([a, b], 0),
      T.stack([a, b], 0),
      T.cat([a, b], 1).dims,
      a.add(b.tolist()[0][0]),
      a.mul(2),
      T.quantize_embeddings(a, 'binary'),
    ];
  },
  embeds_json: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e('a', { pooling: 'mean', normalize: true });
    return JSON.parse(JSON.stringify({ embedding: Array.from(o.data).slice(0, 3), d: o.dims }));
  },
  forward: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const m = await T.AutoModel.from_pretrained('feat');
    const o = await m.forward(await t('x y'));
    return [o.last_hidden_state, o.last_hidden_state.tolist()[0].length];
  },
  _call: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const m = await T.AutoModel.from_pretrained('feat');
    const i = await t._call('x y');
    const o = await m._call(i);
    const e = await T.pipeline('feature-extraction', 'feat');
    return [o.last_hidden_state, await e._call('x', { pooling: 'mean' })];
  },
  outputs: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('judge');
    const m = await T.AutoModelForSequenceClassification.from_pretrained('judge');
    const o = await m(await t('x y'));
    return [o.constructor.name.length > 0, Object.keys(o), 'logits' in o, { ...o }];
  },
  entries: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('judge');
    const i = await t('x y');
    return [
      Object.entries(i)
        .map(([k, v]) => [k, v.dims])
        .sort(),
      { ...i },
    ];
  },
  softmax_tensor: async (T) => {
    const x = new T.Tensor('float32', [1, 2, 3], [3]);
    return [T.softmax(x.data), T.softmax([1, 2, 3]), T.softmax(x.tolist())];
  },
  empty: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    return e('', { pooling: 'mean', normalize: true });
  },
  tokpairs_map: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const pairs = [
      ['a', 'b'],
      ['c', 'd e'],
    ];
    return t(
      pairs.map((x) => x[0]),
      { text_pair: pairs.map((x) => x[1]), padding: true, truncation: true },
    );
  },
  tok_addsp: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return t('a b', { add_special_tokens: false });
  },
  tok_prop: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const o = await t('a');
    return [
      Array.isArray(o),
      typeof o.input_ids.item,
      o.input_ids[0],
      o.input_ids.tolist()[0].map(Number),
      Number(o.input_ids.data[0]),
    ];
  },
  tok_int: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [
      await t.decode([57n, 88n]),
      await t.decode([57], { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
      t.get_vocab ? 1 : 0,
    ];
  },
  tok_bd: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const { input_ids } = await t(['hello there', 'x'], { padding: true });
    return [
      await t.batch_decode(input_ids.tolist(), { skip_special_tokens: true }),
      await t.batch_decode(input_ids.slice(null, [1, null]), { skip_special_tokens: true }),
    ];
  },
  cfg_get: async (T) => {
    const c = await T.AutoConfig.from_pretrained('judge');
    return [c.id2label, c.label2id, c.max_position_embeddings, c.architectures, c instanceof T.PretrainedConfig];
  },
  pipe_cfg: async (T) => {
    const c = await T.AutoConfig.from_pretrained('judge');
    const p = await T.pipeline('text-classification', 'judge', {
      config: c,
      device: 'cpu',
      dtype: 'fp32',
      revision: 'main',
      cache_dir: './x',
      local_files_only: true,
      session_options: {},
      use_external_data_format: false,
      model_file_name: 'model',
      subfolder: 'onnx',
    });
    return p('x');
  },
  pipe_new: async (T) => {
    const tokenizer = await T.AutoTokenizer.from_pretrained('judge');
    const model = await T.AutoModelForSequenceClassification.from_pretrained('judge');
    const p = new T.TextClassificationPipeline({ task: 'text-classification', model, tokenizer });
    return p('x y');
  },
  pipe_new_fe: async (T) => {
    const tokenizer = await T.AutoTokenizer.from_pretrained('feat');
    const model = await T.AutoModel.from_pretrained('feat');
    const p = new T.FeatureExtractionPipeline({ task: 'feature-extraction', model, tokenizer });
    return [await p('x y'), await p('x y', { pooling: 'mean', normalize: true })];
  },
  pipe_new_zs: async (T) => {
    const tokenizer = await T.AutoTokenizer.from_pretrained('judge');
    const model = await T.AutoModelForSequenceClassification.from_pretrained('judge');
    const p = new T.ZeroShotClassificationPipeline({ task: 'zero-shot-classification', model, tokenizer });
    return p('x y', ['a', 'b']);
  },
  pipe_new_rest: async (T) => {
    const tokenizer = await T.AutoTokenizer.from_pretrained('ner');
    const a = new T.TokenClassificationPipeline({
      task: 'token-classification',
      model: await T.AutoModelForTokenClassification.from_pretrained('ner'),
      tokenizer,
    });
    const b = new T.FillMaskPipeline({
      task: 'fill-mask',
      model: await T.AutoModelForMaskedLM.from_pretrained('mlm'),
      tokenizer,
    });
    const c = new T.QuestionAnsweringPipeline({
      task: 'question-answering',
      model: await T.AutoModelForQuestionAnswering.from_pretrained('qa'),
      tokenizer,
    });
    return [await a('Sarah', { ignore_labels: [] }), await b('x [MASK]'), await c('who', 'Jim was here')];
  },
  m_dispose_all: async (T) => {
    const p = await T.pipeline('text-classification', 'judge');
    const r = await p.dispose();
    return [r === undefined || Array.isArray(r)];
  },
  nullopts: async (T) => {
    const p = await T.pipeline('text-classification', 'judge', {
      progress_callback: null,
      config: null,
      cache_dir: null,
      local_files_only: false,
      revision: 'main',
      device: null,
      dtype: null,
      subfolder: 'onnx',
      use_external_data_format: null,
      model_file_name: null,
      session_options: {},
    });
    return p('x');
  },
  tokopts: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('judge', {
      progress_callback: null,
      config: null,
      cache_dir: null,
      local_files_only: false,
      revision: 'main',
    });
    return t('x');
  },
  tokopts2: async (T) => {
    const o = { dtype: 'fp32', device: 'cpu', subfolder: 'onnx', quantized: false };
    const t = await T.AutoTokenizer.from_pretrained('judge', o);
    return t('x');
  },
  modelopts: async (T) => {
    const m = await T.AutoModel.from_pretrained('feat', {
      progress_callback: null,
      config: null,
      cache_dir: null,
      local_files_only: false,
      revision: 'main',
      model_file_name: null,
      subfolder: 'onnx',
      device: null,
      dtype: null,
      use_external_data_format: null,
      session_options: {},
    });
    return m.config.hidden_size;
  },
  rows_of_a_batch: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    e.tokenizer.model_max_length;
    const o = await e(['a b', 'c'], { pooling: 'mean' });
    const all = [];
    for (let i = 0; i < o.dims[0]; ++i) all.push(Array.from(o[i].data));
    return [all.length, all[0].length, o.data.slice(0, 4), o.data.subarray(2, 5), o.dims[o.dims.length - 1]];
  },
  label_of_each_row: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('judge');
    const m = await T.AutoModelForSequenceClassification.from_pretrained('judge');
    const { logits } = await m(await t(['a', 'b c'], { padding: true }));
    const out = [];
    for (const row of logits) {
      const p = T.softmax(row.data);
      const i = p.indexOf(Math.max(...p));
      out.push({ label: m.config.id2label[i], l2: m.config.id2label[String(i)], score: p[i] });
    }
    return out;
  },
  entities_by_hand: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('ner');
    const m = await T.AutoModelForTokenClassification.from_pretrained('ner');
    const i = await t('Sarah is here');
    const { logits } = await m(i);
    const preds = logits.tolist()[0].map((x) => x.indexOf(Math.max(...x)));
    const toks = await Promise.all(i.input_ids.tolist()[0].map((id) => t.decode([id])));
    return preds.map((p, k) => [m.config.id2label[p], toks[k]]);
  },
  mask_by_hand: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('mlm');
    const m = await T.AutoModelForMaskedLM.from_pretrained('mlm');
    const i = await t('the [MASK] sat');
    const { logits } = await m(i);
    const k = i.input_ids.tolist()[0].findIndex((x) => x == t.mask_token_id);
    const row = logits[0][k];
    const [v, ix] = await T.topk(new T.Tensor('float32', T.softmax(row.data), row.dims), 2);
    return [
      k > 0,
      v.tolist(),
      ix.tolist(),
      Array.from(ix.data)
        .map(Number)
        .map((x) => typeof x),
    ];
  },
  similarities: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const x = await e('a', { pooling: 'mean', normalize: true });
    const y = await e('b', { pooling: 'mean', normalize: true });
    return [
      T.cos_sim(x.data, y.data),
      T.dot(x.data, y.data),
      T.cos_sim(Array.from(x.data), Array.from(y.data)),
      T.cos_sim(x.tolist()[0], y.tolist()[0]),
    ];
  },
  cat_of_vectors: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const os = [];
    for (const x of ['a', 'b', 'c']) os.push(await e(x, { pooling: 'mean', normalize: true }));
    const all = T.cat(os);
    return [all, all.dims, T.stack(os.map((o) => o[0])), T.mean(all, 0), all.mean(0), T.mean(all, 1, true)];
  },
  new_tensors: async (T) => {
    const x = T.full([2, 3], 1.5);
    const y = T.ones([2, 3]);
    const z = T.zeros([2]);
    const r = T.rand([2, 2]);
    return [
      x,
      r.dims,
      r.type,
      T.randn([3]).dims,
      y.dims,
      z.dims,
      T.full_like(x, 2).dims,
      T.permute(x, [1, 0]),
      T.std_mean(x, 1).map((q) => q.dims),
    ];
  },
  whole_numbers: async (T) => {
    const x = new T.Tensor('int64', [1, 2, 3, 4].map(BigInt), [2, 2]);
    return [
      x,
      x.tolist(),
      x[0],
      x[0][1],
      [...x].length,
      x.item ? 1 : 0,
      x.to('float32'),
      x.slice(0),
      x.slice([0, 1]),
      x.slice(null, -1),
      x.view(4),
      x.sum(),
      x.stride(),
      x.repeat ? x.repeat(2, 1).dims : 0,
      x.tile ? x.tile(2, 2).dims : 0,
    ];
  },
  many_texts: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const many = Array.from({ length: 40 }, (_, i) => 'text ' + i);
    const o = await e(many, { pooling: 'cls', normalize: true });
    return [o, o.tolist().length];
  },
  zero_shot_forms: async (T) => {
    const c = await T.pipeline('zero-shot-classification', 'judge');
    return [
      await c(['one'], ['a']),
      await c('one', ['a', 'b', 'c'], { multi_label: false }),
      await c('one', ['a'], { hypothesis_template: 'x {}' }),
    ];
  },
  qa_destructured: async (T) => {
    const a = await T.pipeline('question-answering', 'qa');
    const { answer, score } = await a('who', 'Jim was here');
    const [x] = await a('who', 'Jim was here', { top_k: 2 });
    return [answer, score, x.answer];
  },
  undefined_options: async (T) => {
    const c = await T.pipeline('text-classification', 'judge', {
      progress_callback: undefined,
      dtype: undefined,
      device: undefined,
    });
    return c('x', undefined);
  },
  simple_of_a_batch: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('ner');
    const c = await T.pipeline('ner', 'ner');
    const out = await c(['a b', 'c'], { ignore_labels: ['O', 'B-PER'], aggregation_strategy: 'simple' });
    return [Array.isArray(out), out.length, Array.isArray(out[0])];
  },
  ids_without_specials: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const { input_ids } = await t('a b c', { add_special_tokens: false, return_tensor: false });
    return [input_ids, input_ids.map(Number), input_ids.length];
  },
  ids_cut_and_padded: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const texts = ['a b', 'c d'];
    const { input_ids } = await t(texts, { return_tensor: false, padding: true, truncation: true, max_length: 3 });
    return input_ids;
  },
  chunks_of_ids: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const ids = await t.encode('a b c');
    const chunks = [];
    for (let i = 0; i < ids.length; i += 2)
      chunks.push(await t.decode(ids.slice(i, i + 2), { skip_special_tokens: true }));
    return chunks.length;
  },
  private_singleton: async (T) => {
    class My {
      static #p;
      static get() {
        return (this.#p ??= T.pipeline('feature-extraction', 'feat', { dtype: 'fp32' }));
      }
    }
    const e = await My.get();
    return e('a', { pooling: 'mean', normalize: true }).then((o) => o.tolist());
  },
  inputs_spread: async (T) => {
    const m = await T.AutoModel.from_pretrained('feat');
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const inputs = await t(['a b', 'c'], { padding: true });
    delete inputs.token_type_ids;
    try {
      return (await m({ ...inputs, token_type_ids: T.zeros_like(inputs.input_ids) })).last_hidden_state;
    } catch (e) {
      return e.message;
    }
  },
  slices_of_states: async (T) => {
    const m = await T.AutoModel.from_pretrained('feat');
    const t = await T.AutoTokenizer.from_pretrained('feat');
    const i = await t('a');
    const o = await m(i);
    return [
      o.last_hidden_state.slice(null, 0),
      o.last_hidden_state.slice(0, 0),
      o.last_hidden_state.slice(null, [0, 1]),
      o.last_hidden_state[0][0],
      o.last_hidden_state.slice(null, null, [0, 3]).dims,
    ];
  },
  inputs_by_hand: async (T) => {
    const m = await T.AutoModel.from_pretrained('feat');
    const ids = T.ones ? new T.Tensor('int64', new BigInt64Array([2n, 5n, 3n]), [1, 3]) : 0;
    const mask = new T.Tensor('int64', new BigInt64Array(3).fill(1n), [1, 3]);
    const tt = new T.Tensor('int64', new BigInt64Array(3).fill(0n), ids.dims);
    const { last_hidden_state: h } = await m({ input_ids: ids, attention_mask: mask, token_type_ids: tt });
    return [h, T.mean_pooling(h, mask), h.mul(mask.unsqueeze(-1).to('float32').tolist()[0][0][0])];
  },
  best_of_all: async (T) => {
    const c = await T.pipeline('text-classification', 'judge');
    const r = await Promise.all(['x', 'y'].map((t) => c(t, { top_k: null })));
    return r.map((s) => s.sort((a, b) => b.score - a.score)[0]);
  },
  bytes_of_a_vector: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e('a', { pooling: 'mean', normalize: true });
    const b = Buffer.from(o.data.buffer);
    return [
      b.length >= o.data.byteLength,
      Buffer.from(new Uint8Array(o.data.buffer, o.data.byteOffset, o.data.byteLength)).length,
      structuredClone(o.data),
    ];
  },
  classes_of_parts: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat', { dtype: { model: 'fp32' } });
    return [
      e.model instanceof T.PreTrainedModel,
      e.model instanceof T.BertModel,
      e.tokenizer instanceof T.PreTrainedTokenizer,
      e.task,
    ];
  },
  fill_mask_forms: async (T) => {
    const u = await T.pipeline('fill-mask', 'mlm');
    const [x] = await u('a [MASK]');
    const y = await u(['a [MASK]']);
    return [x, y.length, y[0].length, await u('the [MASK] a', { top_k: 20 }).then((q) => q.length)];
  },
  empty_texts: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [await t('', {}), await t(['']), await t('a', { truncation: true, max_length: 2 })];
  },
  max_length_forms: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    return [
      await t('a b c d e', { padding: true, truncation: true, max_length: 4 }),
      await t(['a b c d e', 'a'], { padding: 'max_length', truncation: true, max_length: 4 }),
      await t('a b', { max_length: 3 }),
    ];
  },
  dispose: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat', { local_files_only: true });
    return e.dispose();
  },
  mean_by_hand: async (T) => {
    const e = await T.pipeline('feature-extraction', 'feat');
    const o = await e('a b');
    const n = o.dims[1];
    const sum = new Float32Array(o.dims[2]);
    for (let i = 0; i < n; ++i) for (let j = 0; j < sum.length; ++j) sum[j] += o.data[i * sum.length + j] / n;
    return sum;
  },
  mask_of_a_batch: async (T) => {
    const t = await T.AutoTokenizer.from_pretrained('feat');
    t.pad_token;
    const i = await t(['a', 'b c'], { padding: true });
    return [
      i.attention_mask.tolist(),
      i.attention_mask.sum(1),
      i.attention_mask.data,
      i.input_ids.slice(null, [0, 2]),
      i.input_ids.flatten().tolist(),
    ];
  },
  distilbert_classes: async (T) => {
    const p = await T.pipeline('sentiment-analysis', 'stars');
    const t = await T.DistilBertTokenizer.from_pretrained('stars');
    const m = await T.DistilBertForSequenceClassification.from_pretrained('stars');
    return [p.task, Object.keys(await t('x')), (await m(await t('x'))).logits];
  },
};
