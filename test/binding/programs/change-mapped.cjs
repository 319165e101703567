// change-mapped FOLDER HOW: maps the weights of a folder, here and in a worker, changes the file, and tells what each
// step came to.
const { cpSync, readFileSync, truncateSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
const { AutoModel } = require('../../../dist');

const outcome = (promise) =>
  promise.then(
    () => 'computed',
    ({ code, message }) => code ?? message,
  );

const call = (model) => outcome(model({ input_ids: [[1, 2, 3]] }));

async function main([folder, how]) {
  const path = join(folder, 'model.safetensors');
  for (const name of ['config.json', 'model.safetensors']) cpSync(join(folder, name), join(folder, 'copy', name));
  const model = await AutoModel.from_pretrained(folder, { mmap: true });
  const other = await AutoModel.from_pretrained(join(folder, 'copy'), { mmap: true });
  const worker = new Worker(__filename, { workerData: folder });
  await once(worker);
  const steps = { before: await call(model) };
  if (how === 'raised') process.kill(process.pid, 'SIGBUS');
  if (how === 'truncated') truncateSync(path, 8192);
  if (how === 'emptied') truncateSync(path, 0);
  if (how === 'rewritten') writeFileSync(path, readFileSync(path), { flag: 'r+' });
  steps.call = await call(model);
  steps.again = await call(model);
  const [, tensor] = [...model.state_dict()][0];
  steps.read = await outcome(tensor.getData());
  steps.save = await outcome(model.save_pretrained(join(folder, 'saved')));
  worker.postMessage('call');
  steps.worker = await once(worker);
  steps.other = await call(other);
  console.log(JSON.stringify(steps));
}

const once = (worker) => new Promise((resolve) => worker.once('message', resolve));

async function work(folder) {
  const model = await AutoModel.from_pretrained(folder, { mmap: true });
  await call(model);
  parentPort.once('message', async () => parentPort.postMessage(await call(model)));
  parentPort.postMessage('ready');
}

if (isMainThread) main(process.argv.slice(2));
else work(workerData);
