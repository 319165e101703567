'use strict';
// Makes tensors of 8 MiB and forgets them without dispose(): their memory must come back by garbage collection.
const { room, longSum, report } = require('./work.cjs');

async function main() {
  const { fence } = room('tensor/load');
  const { setTimeout: sleep } = require('node:timers/promises');
  let peak = 0;
  for (let i = 0; i < 500; i++) {
    longSum(1 << 21, 1);
    if (i % 10 !== 0) continue;
    await fence();
    await sleep(1);
    peak = Math.max(peak, room('binding/runtime').memoryStats().live);
  }
  report({ made: 500 * (1 << 23), peak });
}

main();
