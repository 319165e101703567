// Kills saves at random moments and looks at what is left. By hand, 200 kills a mode: node test/pretrained/kill-saves.cjs 200 [MODE…]
const {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { run, runAndKill } = require('../run-and-kill.cjs');

const modes = ['single', 'sharded', 'sharded to single', 'bin', 'loaded', 'foreign', 'in place'];
const foreign = {
  'tokenizer.json': '{}',
  'README.md': 'mine',
  'deep/er/state.bin': 'state',
  'pytorch_model.bin': 'other',
};

/** What a run of kills found. `torn`: weights and config of different states, or not readable. */
async function killSaves(mode, kills, longestMs = 250) {
  const folder = mkdtempSync(join(tmpdir(), 'kill-saves-'));
  const target = join(folder, 'model');
  const found = { mode, kills: 0, lost: 0, torn: 0, foreignLost: 0, interrupted: 0, states: { 1: 0, 2: 0 } };
  try {
    await prepare(mode, target);
    for (; found.kills < kills; found.kills++) {
      await runAndKill(join(__dirname, 'programs', 'save-forever.cjs'), [mode, target], Math.random() * longestMs);
      if (readdirSync(folder).length > 1 || readdirSync(target).some((name) => name.startsWith('.')))
        found.interrupted++;
      await inspect(mode, target, found);
    }
    await saveOnce(target);
    const litter = [...readdirSync(folder), ...readdirSync(target)].filter((name) => name.startsWith('.'));
    return { ...found, litter };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function prepare(mode, target) {
  await saveOnce(target);
  if (mode !== 'foreign') return;
  mkdirSync(join(target, 'deep', 'er'), { recursive: true });
  for (const [name, text] of Object.entries(foreign)) writeFileSync(join(target, name), text);
}

/** A complete save, by a process that ends by itself. */
function saveOnce(target) {
  return run(join(__dirname, 'programs', 'save-once.cjs'), [target]);
}

async function inspect(mode, target, found) {
  const { BertModel } = require('../../dist/index.js');
  if (!existsSync(target)) {
    found.lost++;
    return;
  }
  try {
    if (mode === 'in place') await (await BertModel.from_pretrained(target)).dispose(); // which completes the save
    const marker = await (mode === 'bin' ? stateOfBin : stateOf)(target);
    found.states[marker]++;
  } catch (error) {
    found.torn++;
    found.why ??= String(error);
  }
  if (mode === 'foreign')
    for (const [name, text] of Object.entries(foreign))
      if (!existsSync(join(target, name)) || readFileSync(join(target, name), 'utf8') !== text) found.foreignLost++;
}

/** The marker that the config and every weight have; read without this package's loader. */
async function stateOf(target) {
  const { marker } = JSON.parse(readFileSync(join(target, 'config.json'), 'utf8'));
  const index = join(target, 'model.safetensors.index.json');
  const single = join(target, 'model.safetensors');
  if (existsSync(index) && existsSync(single)) throw new Error('both an index and a single file');
  const map = existsSync(index) ? JSON.parse(readFileSync(index, 'utf8')).weight_map : null;
  const files = map ? [...new Set(Object.values(map))] : ['model.safetensors'];
  const shards = readdirSync(target).filter((name) => name.endsWith('.safetensors'));
  if (shards.length !== files.length) throw new Error(`files ${shards} where ${files} are named`);
  let tensors = 0;
  for (const file of files) tensors += checkFile(join(target, file), marker);
  if (tensors !== (map ? Object.keys(map).length : 55)) throw new Error(`${tensors} tensors`);
  return marker;
}

/** The same of `.bin` files, beside which the first save's safetensors file stays. */
async function stateOfBin(target) {
  const { BertModel } = require('../../dist/index.js');
  const { marker } = JSON.parse(readFileSync(join(target, 'config.json'), 'utf8'));
  if (!readdirSync(target).some((name) => name.endsWith('.bin')))
    return checkFile(join(target, 'model.safetensors'), marker) && marker;
  const model = await BertModel.from_pretrained(target, { use_safetensors: false });
  for (const [name, tensor] of model.state_dict())
    if (!(await tensor.getData()).every((value) => value === marker)) throw new Error(`${name} is not of ${marker}`);
  await model.dispose();
  return marker;
}

function checkFile(path, marker) {
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const { __metadata__, ...entries } = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const data = new Float32Array(
    bytes.buffer.slice(bytes.byteOffset + 8 + length, bytes.byteOffset + statSync(path).size),
  );
  const last = Math.max(...Object.values(entries).map(({ data_offsets }) => data_offsets[1]));
  if (last !== data.byteLength) throw new Error(`${path} ends at ${data.byteLength}, not ${last}`);
  if (!data.every((value) => value === marker)) throw new Error(`${path} holds other weights than those of ${marker}`);
  return Object.keys(entries).length;
}

module.exports = { killSaves, modes };

/** All modes in turn, some kills at a time, so that a run that is cut short has said something of each. */
async function longRun(kills, chosen, round = 20) {
  for (let done = 0; done < kills; done += round)
    for (const mode of chosen) console.log(JSON.stringify(await killSaves(mode, Math.min(round, kills - done))));
}

if (require.main === module) {
  const [kills, ...chosen] = process.argv.slice(2);
  longRun(Number(kills ?? 20), chosen.length > 0 ? chosen : modes);
}
