/**
 * Random sequences of resize, prune, cast, save and load, done here and by Transformers, compared after every step.
 *
 *     pip install torch==2.13.0 transformers==4.57.6
 *     npm run build && node test/by-hand/surgery/drive.cjs PYTHON [sequences = 100] [first seed = 1] [family, …]
 *
 * What both sides draw is compared by distribution, and theirs then becomes ours; all else has to be equal to the bit.
 */
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const readline = require('node:readline');
const { isDeepStrictEqual } = require('node:util');
const library = require('../../../dist');
const { aroundMean, compareDrawn, kindsSeen, singular } = require('./distributions.cjs');
const { numbersOf, sizes } = require('./numbers.cjs');
const { createRandom, families, randomConfig } = require('./random-config.cjs');

const [python, count = '100', first = '1', only] = process.argv.slice(2);
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'surgery-'));
const theirFile = path.join(scratch, 'theirs');
const ourFile = path.join(scratch, 'ours');
library.setLogHook(() => {});

const totals = { sequences: 0, agree: 0, tensors: 0, drawn: 0, files: 0, refused: 0, forwards: 0 };
const steps = {};

// ---- the other side

const worker = spawn(python, [path.join(__dirname, 'reference.py')], {
  stdio: ['pipe', 'pipe', process.env.STDERR ? 'inherit' : 'ignore'],
});
const waiting = [];
readline.createInterface({ input: worker.stdout }).on('line', (line) => waiting.shift()?.(JSON.parse(line)));
worker.on('exit', (code) => {
  if (waiting.length > 0) throw new Error(`the other side ended: ${code}`);
});
function ask(request) {
  worker.stdin.write(`${JSON.stringify(request)}\n`);
  return new Promise((resolve) => waiting.push(resolve));
}

// ---- one sequence

class Difference extends Error {}

function same(what, ours, theirs) {
  if (!isDeepStrictEqual(ours, theirs))
    throw new Difference(
      `${what}: here ${JSON.stringify(ours)?.slice(0, 900)}, there ${JSON.stringify(theirs)?.slice(0, 900)}`,
    );
}

async function ourState(model) {
  const storages = new Map();
  const tensors = [];
  for (const [name, parameter] of model.named_state()) {
    if (!storages.has(parameter)) storages.set(parameter, storages.size);
    const data = await parameter.value.getData();
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    tensors.push({ name, dtype: parameter.type, dims: [...parameter.dims], storage: storages.get(parameter), bytes });
  }
  return tensors;
}

/**
 * Holds both models against each other. `drawn` says of a tensor's name from which row on it was drawn, and how (null: not).
 * What was drawn here is then put in the place of what was drawn there.
 */
async function compare(model, theirs, drawn = () => null) {
  const ours = await ourState(model);
  same(
    'names',
    ours.map((t) => t.name),
    theirs.tensors.map(([name]) => name),
  );
  for (const [i, t] of ours.entries()) same(t.name, [t.name, t.dtype, t.dims, t.storage], theirs.tensors[i]);
  const file = fs.readFileSync(theirFile);
  let offset = 0;
  const different = [];
  for (const tensor of ours) {
    const bytes = file.subarray(offset, offset + tensor.bytes.length);
    offset += bytes.length;
    totals.tensors++;
    const from = drawn(tensor.name);
    const width = tensor.dims.slice(1).reduce((n, d) => n * d, 1);
    const kept = from === null ? bytes.length : from.row * width * sizes[tensor.dtype];
    if (!tensor.bytes.subarray(0, kept).equals(bytes.subarray(0, kept)))
      throw new Difference(valuesDiffer(tensor, bytes));
    if (kept === bytes.length) continue;
    totals.drawn++;
    different.push(tensor);
    const rest = [tensor.bytes, bytes].map((b) => numbersOf(b.subarray(kept), tensor.dtype));
    const problem = from.compare(tensor, ...rest, numbersOf(tensor.bytes.subarray(0, kept), tensor.dtype));
    if (problem)
      throw new Difference(`${tensor.name} [${tensor.dims}] from row ${from.row} (${tensor.dtype}): ${problem}`);
  }
  const { config } = model;
  same('vocab_size', config.vocab_size, theirs.vocab_size);
  const pruned = Object.entries(config.pruned_heads).map(([layer, heads]) => [layer, [...heads].sort((a, b) => a - b)]);
  same('pruned_heads', Object.fromEntries(pruned), theirs.pruned_heads);
  same('architectures', config.architectures ?? null, theirs.architectures);
  same('num_parameters', model.num_parameters(), theirs.parameters);
  same('num_parameters without tables', model.num_parameters({ exclude_embeddings: true }), theirs.without_tables);
  same('footprint', model.get_memory_footprint(), theirs.footprint);
  same('footprint without buffers', model.get_memory_footprint({ return_buffers: false }), theirs.bare_footprint);
  same('training', model.training, theirs.training);
  if (different.length > 0) {
    fs.writeFileSync(ourFile, Buffer.concat(different.map((t) => t.bytes)));
    const reply = await ask({ op: 'sync', tensors: different.map((t) => t.name), file: ourFile });
    if (!reply.ok) throw new Error(reply.message);
  }
}

function valuesDiffer({ name, dims, dtype, bytes }, other) {
  const [a, b] = [numbersOf(bytes, dtype), numbersOf(other, dtype)];
  const at = a.findIndex((v, i) => !Object.is(v, b[i]));
  return `values of ${name} [${dims}] ${dtype} at ${at}: here ${a[at]}, there ${b[at]}`;
}

/** One way of drawing: numbers of a new module. Layers and experts of one role count together. */
function fresh(family, what, range) {
  return (tensor, ours, theirs) => {
    const role = tensor.name
      .replace(/\.\d+\./g, '.#.')
      .replace(/^(bert|roberta|distilbert|mpnet|electra|albert|model|transformer)\./, '');
    const scale = (values) => values.map((v) => v / range);
    return compareDrawn(`${family} ${what} ${role}`, scale(ours), scale(theirs));
  };
}

/** A step on both sides: both fail, or neither. @returns their answer, null where both failed */
async function both(what, here, request) {
  const asked = ask({ state: theirFile, ...request });
  let failure = null;
  let result;
  try {
    result = await here();
  } catch (error) {
    failure = error;
  }
  const theirs = await asked;
  if (failure && !failure.code && !(failure instanceof Difference)) throw failure;
  if (Boolean(failure) === theirs.ok)
    throw new Difference(
      failure
        ? `${what} fails here: ${failure.name} ${failure.message}`
        : `${what} fails there: ${theirs.error} ${theirs.message}`,
    );
  if (!failure) return { theirs, result };
  totals.refused++;
  return null;
}

async function runSequence(seed, log) {
  const random = createRandom(seed);
  const { int, pick, chance } = random;
  const family = pick(only ? only.split(',') : Object.keys(families));
  const { classes, prunes } = families[family];
  const tiny = chance(0.25);
  const { config, layers, heads, computes } = randomConfig(family, random, tiny);
  const folder = (name) => path.join(scratch, `${seed}-${name}`);
  let className = pick(classes);
  const range = config.initializer_range ?? config.init_std ?? config.initializer_factor;
  const isOurs = chance(0.15);
  log(family, className, JSON.stringify(config));

  const ModelType = library[className];
  const construct = () => ModelType._from_config(new ModelType.config_class(config)).eval();
  const made = await both('the constructor', construct, { op: 'new', name: className, config, seed, random: !isOurs });
  if (!made) return;
  let model = made.result;
  try {
    if (isOurs) await compare(model, made.theirs.state, () => ({ row: 0, compare: fresh(family, 'init', range) }));
    else {
      model.dispose();
      await ask({ op: 'save', path: folder('start'), options: {} });
      model = await ModelType.from_pretrained(folder('start'), {});
      const there = await ask({ op: 'load', name: className, path: folder('start'), options: {}, state: theirFile });
      if (!there.ok) throw new Error(there.message);
      await compare(model, there.state);
    }
    const total = int(3, 7);
    for (let i = 0; i <= total; i++) {
      const kind = i === total ? 'reload' : pick(['resize', 'resize', 'prune', 'cast', 'reload', 'reload']);
      if (kind === 'prune' && !prunes) continue;
      steps[kind] = (steps[kind] ?? 0) + 1;
      if (kind === 'resize') await resize();
      else if (kind === 'prune') await prune();
      else if (kind === 'cast') await cast();
      else await reload(i);
    }
    await forward();
  } finally {
    await model.dispose();
    for (const entry of fs.readdirSync(scratch))
      if (entry.startsWith(`${seed}-`)) fs.rmSync(path.join(scratch, entry), { recursive: true });
  }

  async function resize() {
    const before = model.get_input_embeddings().num_embeddings;
    const rows = chance(0.1)
      ? null
      : pick([int(4, 60), before, before + int(1, 4), before + int(20, 80), Math.max(4, before - int(1, 4))]);
    const options = {
      ...(chance(0.4) && { pad_to_multiple_of: pick([1, 2, 7, 8, 64]) }),
      ...(chance(0.6) && { mean_resizing: chance(0.4) }),
    };
    const mean = options.mean_resizing ?? true;
    log('resize', rows, JSON.stringify(options));
    const headRows = model.get_output_embeddings()?.weight.dims[0];
    const sizesBefore = new Map([...model.named_state()].map(([name, parameter]) => [name, parameter.dims[0]]));
    const done = await both('resize', async () => model.resize_token_embeddings(rows, options), {
      op: 'resize',
      rows,
      options,
      seed: seed + 7,
    });
    if (!done) return;
    same('rows', done.result.num_embeddings, done.theirs.rows);
    const added = mean
      ? aroundMean(family)
      : fresh(
          family,
          `mean_resizing:false${model.config.tie_word_embeddings ? ' tied' : ''}`,
          bareRows.includes(family) ? 1 : range,
        );
    const zeros = fresh(family, 'tied bias', 1);
    const isTied = model.config.tie_word_embeddings;
    await compare(model, done.theirs.state, (name) => {
      const old = sizesBefore.get(name);
      const parameter = [...model.named_state()].find(([n]) => n === name)[1];
      if (old === undefined || parameter.dims[0] <= old || (old !== before && old !== headRows)) return null;
      return { row: old, compare: isTied && parameter.dims.length === 1 ? zeros : added };
    });
  }

  async function prune() {
    const asked = {};
    for (let layer = 0; layer < layers; layer++) {
      if (chance(0.4)) continue;
      const gone = new Set(model.config.pruned_heads[layer] ?? []);
      const some = Array.from({ length: heads }, (_, head) => head).filter(() => chance(0.35));
      while (new Set([...gone, ...some]).size >= heads && some.length > 0) some.pop();
      if (some.length > 0 || chance(0.2)) asked[layer] = some;
    }
    log('prune', JSON.stringify(asked));
    const done = await both('prune', async () => model.prune_heads(asked), { op: 'prune', heads: asked });
    if (done) await compare(model, done.theirs.state);
  }

  async function cast() {
    const dtype = pick(['float32', 'float16', 'bfloat16', 'half']);
    log('cast', dtype);
    const done = await both('cast', async () => (dtype === 'half' ? model.half() : model.to(dtype)), {
      op: 'cast',
      dtype,
    });
    if (done) await compare(model, done.theirs.state);
  }

  async function reload(i) {
    const safe = chance(0.6);
    const variant = chance(0.3) ? pick(['fp16', 'x.y']) : null;
    const options = {
      ...(!safe && { safe_serialization: false }),
      ...(chance(0.5) && { max_shard_size: pick([int(100, 6000), int(100, 6000), '1KB', '2KB', '5GB']) }),
      ...(variant && { variant }),
    };
    const [ours, theirs] = [folder(`ours-${i}`), folder(`theirs-${i}`)];
    log('save', JSON.stringify(options));
    const saved = await both('save', () => model.save_pretrained(ours, options), { op: 'save', path: theirs, options });
    if (!saved) return;
    await compare(model, saved.theirs.state);
    await compareFolders(ours, theirs);

    const name = chance(0.5) ? className : pick(classes);
    const other = {
      ...(variant && { variant }),
      ...(chance(0.6) && { dtype: pick(['auto', 'auto', 'float16', 'bfloat16', 'float32']) }),
      ...(chance(0.2) && { use_safetensors: safe }),
      ...(chance(0.45) && { ignore_mismatched_sizes: true, ...changedSizes(family, model.config, random) }),
      ...(chance(0.05) && changedSizes(family, model.config, random)),
    };
    const [fromOurs, fromTheirs] = chance(0.5) ? [ours, theirs] : [theirs, ours];
    log('load', name, JSON.stringify(other), fromOurs === ours ? 'own' : 'crossed');
    const loaded = await both(
      'load',
      () => library[name].from_pretrained(fromOurs, { ...other, output_loading_info: true }),
      { op: 'load', name, path: fromTheirs, options: other },
    );
    if (!loaded) return;
    await model.dispose();
    const [next, info] = loaded.result;
    model = next;
    className = name;
    const { missing_keys, unexpected_keys, mismatched_keys, error_msgs, dtype, state } = loaded.theirs;
    same('missing_keys', info.missing_keys, missing_keys);
    same('unexpected_keys', info.unexpected_keys, unexpected_keys);
    same('mismatched_keys', info.mismatched_keys.map(([key]) => key).sort(), mismatched_keys);
    same('error_msgs', info.error_msgs, error_msgs);
    same('dtype', model.config.torch_dtype, dtype);
    const opened = new Set([...missing_keys, ...mismatched_keys]);
    // A tied name is not reported with its twin.
    const states = [...model.named_state()];
    const values = new Set(states.filter(([n]) => opened.has(n)).map(([, value]) => value));
    const drawn = new Set(states.filter(([, value]) => values.has(value)).map(([n]) => n));
    await compare(model, state, (n) => (drawn.has(n) ? { row: 0, compare: fresh(family, 'missing', range) } : null));
  }

  async function compareFolders(ours, theirs) {
    const names = fs.readdirSync(ours).sort();
    same('files', names, fs.readdirSync(theirs).sort());
    for (const name of names) {
      totals.files++;
      const files = [ours, theirs].map((f) => path.join(f, name));
      if (name.endsWith('.bin')) {
        const found = await ask({ op: 'bins', ours: files[0], theirs: files[1] });
        if (!found.ok) throw new Difference(`${name}: ${found.error} ${found.message}`);
        same(name, found.differ, []);
        continue;
      }
      const bytes = files.map((f) => fs.readFileSync(f));
      if (!name.endsWith('.json') || name.includes('.index.')) {
        if (!bytes[0].equals(bytes[1]))
          throw new Difference(`${name}: bytes differ${name.endsWith('.json') ? `: ${bytes[0]} ${bytes[1]}` : ''}`);
        continue;
      }
      const [a, b] = bytes.map((text) => JSON.parse(text));
      // The contract has the config's dtype under the name that all versions read.
      if (name === 'config.json' && 'dtype' in b) {
        b.torch_dtype = b.dtype;
        delete b.dtype;
      }
      for (const config of [a, b]) delete config.transformers_version;
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) same(`${name}: ${key}`, a[key], b[key]);
    }
  }

  async function forward() {
    // Upstream's mpnet cannot compute without its heads.
    const broken = family === 'mpnet' && Object.keys(model.config.pruned_heads).length > 0;
    if (model.dtype !== 'float32' || broken || !computes || className === 'GPT2DoubleHeadsModel') return;
    const ids = Array.from({ length: 2 }, () =>
      Array.from({ length: 4 }, () => int(4, Math.max(4, model.config.vocab_size - 1))),
    );
    const mask = ids.map((row) => row.map(() => 1));
    const isChoice = className.endsWith('MultipleChoice');
    const inputs = { input_ids: isChoice ? [ids] : ids, attention_mask: isChoice ? [mask] : mask };
    if (family === 't5' || family === 'bart') inputs.decoder_input_ids = ids.map((row) => [0, ...row.slice(1)]);
    log('forward', JSON.stringify(inputs));
    const done = await both(
      'forward',
      async () => {
        const output = await model(inputs);
        const found = {};
        for (const [name, value] of Object.entries(output))
          if (value instanceof library.Tensor) found[name] = [[...value.dims], [...(await value.getData())]];
        return found;
      },
      { op: 'forward', inputs },
    );
    if (!done) return;
    totals.forwards++;
    for (const [name, [dims, values]] of Object.entries(done.theirs.outputs)) {
      const mine = done.result[name];
      if (!mine) continue;
      same(`dims of ${name}`, mine[0], dims);
      const largest = Math.max(...values.map(Math.abs));
      const worst = Math.max(...values.map((v, i) => Math.abs(v - mine[1][i])));
      if (!(worst <= 2e-4 * largest + 1e-6))
        throw new Difference(`${name}: off by ${worst}, the largest is ${largest}`);
    }
  }
}

/** Families whose new rows are as PyTorch makes them. */
const bareRows = ['modernbert', 't5', 't5-encoder'];

/** Config fields at other sizes than the checkpoint's. */
function changedSizes(family, config, { int, pick, chance }) {
  const fields = { num_labels: () => pick([1, 2, 3, 4]), vocab_size: () => config.vocab_size + pick([-2, 1, 5]) };
  const relative = { llama: null, qwen2: null, modernbert: null, t5: null, 't5-encoder': null };
  const positions = { distilbert: 'max_position_embeddings', gpt2: 'n_positions', ...relative }[family];
  if (positions !== null) fields[positions ?? 'max_position_embeddings'] = () => int(6, 40);
  const inner = {
    distilbert: 'hidden_dim',
    gpt2: 'n_inner',
    t5: 'd_ff',
    't5-encoder': 'd_ff',
    bart: 'decoder_ffn_dim',
  };
  fields[inner[family] ?? 'intermediate_size'] = () => int(1, 20);
  if (config.type_vocab_size) fields.type_vocab_size = () => int(1, 3);
  // Upstream leaves a table of T5 that does not fit without values: no module but the whole model draws it.
  if (family.startsWith('t5')) delete fields.vocab_size;
  const chosen = {};
  for (const [name, value] of Object.entries(fields)) if (chance(0.35)) chosen[name] = value();
  if (chosen.vocab_size !== undefined && chosen.vocab_size < 5) delete chosen.vocab_size;
  return chosen;
}

async function main() {
  const start = Date.now();
  const failed = [];
  for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
    const lines = [];
    totals.sequences++;
    try {
      await runSequence(seed, (...words) => lines.push(words.join(' ')));
      totals.agree++;
    } catch (error) {
      failed.push(seed);
      console.log(`--- ${seed}\n${lines.join('\n')}\n=> ${error instanceof Difference ? error.message : error.stack}`);
    }
  }
  const kinds = kindsSeen();
  const odd = kinds.filter(
    ({ away, n, kurtosis: [a, b] }) => away > 5 || Math.abs(a - b) > 12 * Math.sqrt((24 * Math.max(a, b)) / n),
  );
  for (const kind of process.env.KINDS ? kinds : odd) console.log(JSON.stringify(kind));
  console.log(
    JSON.stringify({
      ...totals,
      singular: singular.count,
      steps,
      kinds: kinds.length,
      odd: odd.length,
      seconds: (Date.now() - start) / 1000,
      failed,
    }),
  );
  worker.stdin.end();
  fs.rmSync(scratch, { recursive: true });
}

main();
