'use strict';
// Records ops for ever without awaiting, then awaits and goes on.
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
  report({ error, value: (await longSum(10, 7).getData())[0] });
}

main();
