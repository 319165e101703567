// Kills conversions to GGUF at random moments and looks at what is left. By hand, 200 kills: node test/auto/kill-conversions.cjs 200
const { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { run, runAndKill } = require('../run-and-kill.cjs');

const program = join(__dirname, '..', 'pretrained', 'programs', 'convert-to-gguf.cjs');

/** What a run of kills found: how often the file was whole and of which conversion, or not there, or neither. */
async function killConversions(kills, longestMs = 250) {
  const folder = mkdtempSync(join(tmpdir(), 'kill-conversions-'));
  const found = { kills: 0, absent: 0, torn: 0, interrupted: 0, mostLeft: 0, states: { 0: 0, 1: 0 } };
  try {
    const models = [1, 2].map((marker) => join(folder, `model-${marker}`));
    for (const [i, model] of models.entries()) await saveModel(model, i + 1);
    const target = join(folder, 'out', 'model.gguf');
    const whole = [await convertOnce(target, models, 0), await convertOnce(target, models, 1)];
    rmSync(join(folder, 'out'), { recursive: true });
    for (; found.kills < kills; found.kills++) {
      await runAndKill(program, ['forever', target, ...models], Math.random() * longestMs);
      const left = existsSync(join(folder, 'out')) ? readdirSync(join(folder, 'out')) : [];
      const leftovers = left.filter((name) => name.endsWith('.tmp')).length;
      if (leftovers > 0) found.interrupted++;
      found.mostLeft = Math.max(found.mostLeft, leftovers);
      const state = existsSync(target) ? whole.findIndex((bytes) => bytes.equals(readFileSync(target))) : null;
      if (state === null) found.absent++;
      else if (state < 0) found.torn++;
      else found.states[state]++;
      // Half of them begin where nothing is.
      if (found.kills % 2 === 1) rmSync(target, { force: true });
    }
    const last = await convertOnce(target, models, 0);
    const litter = readdirSync(join(folder, 'out')).filter((name) => name !== 'model.gguf');
    return { ...found, completes: last.equals(whole[0]), litter };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A model whose every weight is `marker`. */
async function saveModel(folder, marker) {
  const { LlamaConfig, LlamaForCausalLM, no_init_weights, Tensor } = require('../../dist/index.js');
  const sizes = { hidden_size: 256, intermediate_size: 512, num_hidden_layers: 3, vocab_size: 3000 };
  const config = new LlamaConfig({ ...sizes, num_attention_heads: 4, num_key_value_heads: 2 });
  const state_dict = {};
  for (const [name, { dims, size }] of no_init_weights(() => new LlamaForCausalLM(config)).named_parameters())
    state_dict[name] = new Tensor('float32', new Float32Array(size).fill(marker), [...dims]);
  const model = await LlamaForCausalLM.from_pretrained(null, { config, state_dict });
  await model.save_pretrained(folder);
  await model.dispose();
}

/** The bytes of a complete conversion of one model, by a process that ends by itself. */
async function convertOnce(target, models, which) {
  await run(program, [which === 0 ? 'plain' : 'quantized', target, models[which]]);
  return readFileSync(target);
}

module.exports = { killConversions };

if (require.main === module)
  killConversions(Number(process.argv[2] ?? 20)).then((found) => console.log(JSON.stringify(found)));
