// Opens a llama of 2 GB of bfloat16, the page cache warm, against bare reads of the same file: node bench/opening.cjs [FOLDER [ROUNDS]]
//   mapped: to the first logits of one token, against one thread's read through a 4 MiB buffer (at most 1.5)
//   unmapped: to the last parameter in owned memory, against two threads' pread into fresh memory (at most 1.2)
// Each repetition is a process of its own that has run a small model before; all take turns.
const { execFileSync } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { LlamaConfig, LlamaForCausalLM } = require('../dist/index.js');

const large = { hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 14, vocab_size: 40_000 };
const small = { hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, vocab_size: 100 };

async function main([folder = tmpdir(), rounds = '5']) {
  const scratch = mkdtempSync(join(folder, 'opening-'));
  try {
    const reader = join(scratch, 'reader');
    execFileSync('g++', ['-O2', '-std=c++17', '-pthread', join(__dirname, 'native', 'opening.cc'), '-o', reader]);
    const [model, warm] = [join(scratch, 'large'), join(scratch, 'small')];
    await writeModel(model, large);
    await writeModel(warm, small);
    const file = join(model, 'model.safetensors');
    execFileSync('sync');
    const bare = (how) => () => Number(execFileSync(reader, [how, file]));
    const ours = (how) => () => Number(execFileSync(process.execPath, [__filename, 'open', how, model, warm]));
    const turns = { read: bare('read'), mapped: ours('mapped'), pread: bare('pread'), unmapped: ours('unmapped') };
    const times = { read: [], mapped: [], pread: [], unmapped: [] };
    for (const turn of Object.values(turns)) turn(); // what is touched for the first time is not counted
    for (let i = 0; i < Number(rounds); i++) {
      for (const [name, turn] of Object.entries(turns)) times[name].push(turn());
      console.log(
        Object.entries(times)
          .map(([name, all]) => `${name} ${all.at(-1).toFixed(3)} s`)
          .join('   '),
      );
    }
    for (const [name, all] of Object.entries(times))
      console.log(
        `${name}: median ${median(all).toFixed(3)} s, ${Math.min(...all).toFixed(3)} to ${Math.max(...all).toFixed(3)}`,
      );
    console.log(`mapped / read: ${(median(times.mapped) / median(times.read)).toFixed(2)}, at most 1.5`);
    console.log(`unmapped / pread: ${(median(times.unmapped) / median(times.pread)).toFixed(2)}, at most 1.2`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function writeModel(folder, sizes) {
  const heads = { num_attention_heads: 32, num_key_value_heads: 8, head_dim: sizes.hidden_size / 32 };
  const config = new LlamaConfig({ ...sizes, ...heads, tie_word_embeddings: false });
  const model = LlamaForCausalLM._from_config(config, { dtype: 'bfloat16' });
  await model.save_pretrained(folder, { max_shard_size: '10GB' });
  await model.dispose();
}

/** Prints the seconds of one opening. */
async function open(how, folder, warm) {
  const input_ids = [[5]];
  const options = { dtype: 'auto', mmap: how === 'mapped' };
  const first = await LlamaForCausalLM.from_pretrained(warm, options);
  await first({ input_ids });
  await first.dispose();
  const begin = performance.now();
  const model = await LlamaForCausalLM.from_pretrained(folder, options);
  if (how === 'mapped') await model({ input_ids });
  console.log((performance.now() - begin) / 1000);
}

const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];

if (process.argv[2] === 'open') open(...process.argv.slice(3));
else main(process.argv.slice(2));
