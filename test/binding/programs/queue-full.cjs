'use strict';
// Records ops for ever without awaiting, then awaits and goes on: small ones in one segment, then large ones by themselves.
const { room, longSum, report } = require('./work.cjs');

async function main() {
  const { recorded } = room('tensor/dispatch');
  let error = null;
  try {
    recorded(() => {
      for (;;) longSum(1, 1000).dispose();
    });
  } catch (caught) {
    error = { name: caught.name, code: caught.code, message: caught.message };
  }
  const value = (await longSum(10, 7).getData())[0];
  const { Tensor } = room('tensor/tensor');
  const large = new Tensor('float32', new Float32Array(1 << 20)).add(0);
  let bytes = 0;
  let full = null;
  try {
    for (; bytes < 2 ** 40; bytes += large.size * 4) large.add(1).dispose();
  } catch (caught) {
    full = { name: caught.name, code: caught.code, message: caught.message };
  }
  await room('tensor/stream').currentStream().synchronize();
  const after = (await large.add(2).getData())[0];
  report({ error, value, full, bytes, after });
}

main();
