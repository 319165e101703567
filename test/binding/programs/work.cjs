'use strict';
// What the programs here compute with: the compiled package, loaded on demand.
const path = require('node:path');

const dist = path.join(__dirname, '..', '..', '..', 'dist');
const room = (name) => require(path.join(dist, name));

/** A tensor of `size` zeros plus `steps` times 1, recorded and not awaited. */
function longSum(size, steps) {
  const { Tensor } = room('tensor/tensor');
  const { add } = room('tensor/ops/elementwise');
  const { scope } = room('tensor/scope');
  return scope(() => {
    let x = new Tensor('float32', new Float32Array(size), [size]);
    for (let i = 0; i < steps; i++) x = add(x, 1);
    return x;
  });
}

/** Work for a second and more on any machine: 2000 GELUs of a million elements, or `steps` of them. */
function longWork(steps = 2000) {
  const { Tensor } = room('tensor/tensor');
  const { unary } = room('tensor/ops/elementwise');
  const { scope } = room('tensor/scope');
  return scope(() => {
    let x = new Tensor('float32', new Float32Array(1 << 20).fill(0.5), [1 << 20]);
    for (let i = 0; i < steps; i++) x = unary('gelu', x);
    return x;
  });
}

/** Prints `value` as the program's result. */
function report(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

module.exports = { room, longSum, longWork, report };
