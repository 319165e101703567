'use strict';
// end.cjs HOW: ends the process, in one of several ways, while the compute threads are busy.
const { isMainThread, Worker } = require('node:worker_threads');
const { setTimeout: sleep } = require('node:timers/promises');
const { longWork } = require('./work.cjs');

const ways = {
  async exit() {
    longWork().getData();
    await sleep(5);
    process.exit(7);
  },
  async exitAtOnce() {
    longWork();
    process.exit(7);
  },
  async throw() {
    longWork().getData();
    setTimeout(() => {
      throw new Error('nobody catches this');
    }, 5);
  },
  async reject() {
    longWork().getData();
    await sleep(5);
    throw new Error('nobody catches this');
  },
  async naturally() {
    longWork();
  },
  async exitWithWorkers() {
    const workers = [1, 2].map(() => new Worker(__filename, { argv: [process.argv[2]] }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
    longWork().getData();
    await sleep(200);
    process.exit(7);
  },
};

if (isMainThread) ways[process.argv[2]]();
else longWork().getData();
