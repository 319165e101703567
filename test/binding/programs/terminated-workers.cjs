'use strict';
// terminated-workers.cjs ROUNDS: each round terminates a worker that has a lot of work queued, in one of several states.
const { isMainThread, parentPort, Worker, workerData } = require('node:worker_threads');
const { setTimeout: sleep } = require('node:timers/promises');
const { room, longSum, longWork, report } = require('./work.cjs');

const states = {
  /** The addon is being loaded. */
  async loading() {
    parentPort.postMessage('busy');
    await longSum(10, 5).getData();
    for (;;) await sleep(1);
  },
  /** Reads are under way, and more are started as they come. */
  async reading() {
    parentPort.postMessage('busy');
    for (;;) await Promise.all([longSum(1 << 18, 50).getData(), longSum(1 << 18, 50).getData()]);
  },
  /** Much is queued and nobody waits for it. */
  async queued() {
    longWork();
    parentPort.postMessage('busy');
    for (;;) await sleep(1);
  },
  /** This thread stands still in native code. */
  async inPlace() {
    parentPort.postMessage('busy');
    for (;;) longSum(1 << 16, 20).data;
  },
  /** One stream waits for values of another. */
  async twoStreams() {
    const { Stream } = room('tensor/stream');
    const { add } = room('tensor/ops/elementwise');
    const [a, b] = [new Stream(), new Stream({ threads: 1 })];
    parentPort.postMessage('busy');
    for (;;) {
      const x = a.run(() => longSum(1 << 18, 50));
      await b.run(() => add(x, 1)).getData();
    }
  },
  /** Small ops with a promise each. */
  async small() {
    parentPort.postMessage('busy');
    for (;;) await Promise.all(Array.from({ length: 50 }, () => longSum(10, 5).getData()));
  },
};

async function main(rounds) {
  const names = Object.keys(states);
  let terminated = 0;
  for (let round = 0; round < rounds; round++) {
    const worker = new Worker(__filename, { workerData: names[round % names.length] });
    worker.on('error', (error) => {
      throw error;
    });
    await new Promise((resolve) => worker.once('message', resolve));
    await sleep((round * 7) % 20);
    await worker.terminate();
    terminated++;
  }
  const sum = (await longSum(1000, 10).getData())[999];
  report({ terminated, sum, live: room('binding/runtime').memoryStats().live });
}

if (isMainThread) main(Number(process.argv[2]));
else states[workerData]();
