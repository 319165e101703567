'use strict';
// Asks for more than NATIVE_TRANSFORMERS_MEMORY allows, at the upload and inside an op, then goes on.
const { room, longSum, report } = require('./work.cjs');

const told = ({ name, code, message }) => ({ name, code, message });

async function main() {
  const { Tensor } = room('tensor/tensor');
  const { add } = room('tensor/ops/elementwise');
  const big = new Tensor('float32', new Float32Array(8 << 20), [8 << 20]);
  const errors = [];
  try {
    add(big, 1);
  } catch (error) {
    errors.push(told(error));
  }
  const row = new Tensor('float32', new Float32Array(4096), [1, 4096]);
  const column = new Tensor('float32', new Float32Array(4096), [4096, 1]);
  const square = add(row, column);
  const after = add(square, 1);
  for (const tensor of [square, after]) errors.push(await tensor.getData().then(() => 'no error', told));
  try {
    add(row, column).data;
  } catch (error) {
    errors.push(told(error));
  }
  let larger = 'no error';
  try {
    room('tensor/functions').ones([4096, 4096]);
  } catch (error) {
    larger = told(error);
  }
  report({ errors, larger, value: (await longSum(1000, 5).getData())[0] });
}

main();
