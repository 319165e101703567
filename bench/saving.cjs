// Saves 2 GB of weights against dd with fsync on the same bytes, in interleaved pairs: node bench/saving.cjs [FOLDER [PAIRS]]
const { execFileSync } = require('node:child_process');
const { copyFileSync, existsSync, mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { BertConfig, BertModel, no_init_weights, Tensor } = require('../dist/index.js');

/** Memory if there is any to read from, so that dd reads no disk. */
const fast = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

async function main([folder = tmpdir(), pairs = '5']) {
  const scratch = mkdtempSync(join(folder, 'saving-'));
  const source = join(mkdtempSync(join(fast, 'saving-')), 'model.safetensors');
  try {
    const model = await makeModel();
    await model.save_pretrained(join(scratch, 'model'));
    copyFileSync(join(scratch, 'model', 'model.safetensors'), source);
    const times = { save: [], dd: [] };
    for (let i = 0; i < Number(pairs); i++) {
      times.save.push(await timed(scratch, 'model', (target) => model.save_pretrained(target)));
      times.dd.push(
        await timed(scratch, 'copy', (target) =>
          execFileSync('dd', [`if=${source}`, `of=${target}`, 'bs=8M', 'conv=fsync'], { stdio: 'ignore' }),
        ),
      );
      console.log(`save ${times.save.at(-1).toFixed(2)} s   dd ${times.dd.at(-1).toFixed(2)} s`);
    }
    console.log(`medians: save ${median(times.save).toFixed(2)} s, dd ${median(times.dd).toFixed(2)} s`);
    console.log(`speed of save as a fraction of dd's: ${(median(times.dd) / median(times.save)).toFixed(2)}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
    rmSync(join(source, '..'), { recursive: true, force: true });
  }
}

/** Seconds that `write` takes into a place where nothing is, when the disk has nothing else to do. */
async function timed(scratch, name, write) {
  const target = join(scratch, name);
  rmSync(target, { recursive: true, force: true });
  execFileSync('sync');
  const begin = performance.now();
  await write(target);
  return (performance.now() - begin) / 1000;
}

async function makeModel() {
  const sizes = { hidden_size: 2048, num_hidden_layers: 18, num_attention_heads: 16, intermediate_size: 8192 };
  const config = new BertConfig(sizes);
  const state_dict = new Map();
  for (const [name, { dims, size }] of no_init_weights(() => new BertModel(config)).named_parameters())
    state_dict.set(name, new Tensor('bfloat16', new Uint16Array(size).fill(0x3c01), [...dims]));
  return BertModel.from_pretrained(null, { config, state_dict, dtype: 'bfloat16' });
}

const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];

main(process.argv.slice(2));
