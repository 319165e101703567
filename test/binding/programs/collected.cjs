'use strict';
// collected.cjs with --expose-gc: instances of the package come and go in one process, as in jest's realms, each
// leaving undisposed tensors, streams and a finished read behind.
const { setTimeout: sleep } = require('node:timers/promises');
const { room, longSum, report } = require('./work.cjs');

const kSize = 1 << 20;

async function useAndForget() {
  const { Stream } = room('tensor/stream');
  const kept = [longSum(kSize, 2), longSum(kSize, 3)];
  const stream = new Stream();
  kept.push(stream.run(() => longSum(kSize, 4)));
  const values = [];
  for (const tensor of kept) values.push((await tensor.getData())[0]);
  for (const file of Object.keys(require.cache)) if (file.includes(`${'dist'}/`)) delete require.cache[file];
  return values.join();
}

async function liveAfter(instances) {
  for (let i = 0; i < instances; i++) {
    if ((await useAndForget()) !== '2,3,4') throw new Error('wrong values');
    await sleep(1);
  }
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await sleep(20);
  }
  return room('binding/runtime').memoryStats().live;
}

async function main() {
  const few = await liveAfter(2);
  const many = await liveAfter(20);
  report({ few, many, tensor: kSize * 4 });
}

main();
