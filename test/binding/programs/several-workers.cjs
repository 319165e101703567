'use strict';
// Four workers and the main thread compute at once, each with its own instance of the package.
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
const { longSum, report } = require('./work.cjs');

async function compute(steps) {
  const values = [];
  for (let round = 0; round < 20; round++) values.push((await longSum(10_000, steps).getData())[9_999]);
  return values;
}

async function main() {
  const workers = [10, 20, 30, 40].map(
    (steps) =>
      new Promise((resolve, reject) => {
        const worker = new Worker(__filename, { workerData: steps });
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  report(await Promise.all([compute(50), ...workers]));
}

if (isMainThread) main();
else compute(workerData).then((values) => parentPort.postMessage(values));
