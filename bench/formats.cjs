// Names and shapes, and all numbers, of 2 GB of weights in every format, the page cache warm, each time in a process of its own:
//   node bench/formats.cjs all FOLDER PYTHON [ROUNDS [FORMAT…]]       one file at a time is in FOLDER
//   node bench/formats.cjs make|measure FOLDER PYTHON ROUNDS FORMAT   the two halves, to run the second alone
// names: openCheckpoint, then every name, dtype and shape, in a process that has loaded the package (at most 50 ms), and
//   once more, when the format's code has run; all: into memory of tensors. PYTHON has what formats.py asks for.
const { execFileSync } = require('node:child_process');
const { readdirSync, rmSync } = require('node:fs');
const { join } = require('node:path');

const files = {
  safetensors: 'model.safetensors',
  zip: 'pytorch_model.bin',
  stream: 'pytorch_model.bin',
  hdf5: 'tf_model.h5',
  bundle: 'model.ckpt.index',
  msgpack: 'flax_model.msgpack',
  gguf: 'model.gguf',
};
const peers = {
  zip: 'torch.load',
  stream: 'torch.load',
  hdf5: 'h5py',
  bundle: 'TensorFlow',
  msgpack: 'msgpack_restore',
};
/** How many times as fast as the peer. */
const wanted = { zip: 1, stream: 1, hdf5: 1, msgpack: 4 };

async function all([folder, python, rounds = '5', ...formats]) {
  for (const format of formats.length > 0 ? formats : Object.keys(files)) {
    await make(folder, python, format);
    measure(folder, python, Number(rounds), format);
    for (const name of filesOf(folder, format)) rmSync(join(folder, name));
  }
}

const filesOf = (folder, format) =>
  readdirSync(folder).filter((name) => name.startsWith(files[format].split('.index')[0]));

async function make(folder, python, format) {
  if (filesOf(folder, format).length > 0) throw new Error(`${folder} has ${files[format]} already`);
  const run = (kind) => peer(python, 'make', kind, join(folder, files[kind]));
  if (format !== 'gguf') return run(format);
  run('safetensors');
  await makeGguf(join(folder, files.safetensors), join(folder, files.gguf));
  rmSync(join(folder, files.safetensors));
}

const peer = (python, ...args) =>
  execFileSync(python, ['-W', 'ignore', join(__dirname, 'formats.py'), ...args], {
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', JAX_PLATFORMS: 'cpu' },
  });

/** The same weights under shorter names, as ggml has no long ones. */
async function makeGguf(from, to) {
  const { openCheckpoint } = require('../dist/checkpoint/open.js');
  const { writeGguf } = require('../dist/checkpoint/gguf/gguf-writer.js');
  const source = await openCheckpoint(from);
  const tensors = source.names().map((name, i) => ({
    name: `blk.${i}.weight`,
    dtype: 'float32',
    shape: source.info(name).shape,
    bytes: () => source.read(name),
  }));
  await writeGguf(to, new Map([['general.architecture', { type: 'string', value: 'bert' }]]), tensors);
  await source.close();
}

function measure(folder, python, rounds, format) {
  const file = join(folder, files[format]);
  for (const name of filesOf(folder, format))
    execFileSync('cat', [join(folder, name)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ours = (how) => () =>
    execFileSync(process.execPath, [__filename, how, file]).toString().trim().split(' ').map(Number);
  const theirs = () => [Number(peer(python, 'read', format, file))];
  const turns = { names: ours('names'), read: ours('read'), ...(peers[format] && { peer: theirs }) };
  const times = Object.fromEntries(Object.keys(turns).map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) for (const [name, turn] of Object.entries(turns)) times[name].push(turn());
  const line = (label, values, unit, factor) => {
    const sorted = values.map((value) => value * factor).sort((a, b) => a - b);
    const digits = factor === 1 ? 2 : 1;
    return `${label} ${median(sorted).toFixed(digits)} ${unit} (${sorted[0].toFixed(digits)}, ${sorted.at(-1).toFixed(digits)})`;
  };
  const first = times.names.map(([seconds]) => seconds);
  const later = times.names.map(([, seconds]) => seconds);
  const said = [
    line('names', first, 'ms', 1000),
    line('again', later, 'ms', 1000),
    line('all', times.read.flat(), 's', 1),
  ];
  if (times.peer) {
    const factor = median(times.peer.flat()) / median(times.read.flat());
    said.push(
      line(peers[format], times.peer.flat(), 's', 1),
      `${factor.toFixed(2)} times as fast, at least ${wanted[format] ?? '-'}`,
    );
  }
  console.log(`${format}: ${said.join('; ')}`);
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

async function namesOf(file) {
  const { openCheckpoint } = require('../dist/checkpoint/open.js');
  const begin = performance.now();
  const source = await openCheckpoint(file, { from_tf: file.endsWith('.index') });
  const infos = source.names().map((name) => [name, source.info(name)]);
  const seconds = (performance.now() - begin) / 1000;
  await source.close();
  if (infos.length < 380) throw new Error(`${file} holds ${infos.length} tensors`);
  return seconds;
}

async function read(file) {
  const { openCheckpoint } = require('../dist/checkpoint/open.js');
  const { storedTensor } = require('../dist/pretrained/stored-tensor.js');
  const { fence } = require('../dist/tensor/load.js');
  const begin = performance.now();
  const source = await openCheckpoint(file, { from_tf: file.endsWith('.index') });
  const tensors = [];
  for (const name of source.names()) tensors.push((await storedTensor(source, name)).load(null, null));
  await fence();
  console.log((performance.now() - begin) / 1000);
  for (const tensor of tensors) tensor.dispose();
  await source.close();
}

async function names(file) {
  require('../dist/index.js');
  console.log(await namesOf(file), await namesOf(file));
}

const [doing, folder, python, ...rest] = process.argv.slice(2);
if (doing === 'names') names(folder);
else if (doing === 'read') read(folder);
else if (doing === 'make') make(folder, python, rest[1]);
else if (doing === 'measure') measure(folder, python, Number(rest[0]), rest[1]);
else all([folder, python, ...rest]);
