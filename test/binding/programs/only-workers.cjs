'use strict';
// The main thread never loads the addon; workers that do come and go, and the process goes on.
const { isMainThread, parentPort, Worker } = require('node:worker_threads');
const { setTimeout: sleep } = require('node:timers/promises');
const { longSum, report } = require('./work.cjs');

async function main() {
  const values = [];
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(__filename);
    worker.once('message', (value) => values.push(value));
    await new Promise((resolve) => worker.once('exit', resolve));
  }
  await sleep(700); // compute threads that nobody uses any more do their idle work
  report(values);
}

if (isMainThread) main();
else
  longSum(1000, 10 + 1)
    .getData()
    .then((data) => parentPort.postMessage(data[0]));
