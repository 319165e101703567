'use strict';
// Loads a model whose weights are more than NATIVE_TRANSFORMERS_MEMORY allows.
const { room, report } = require('./work.cjs');

async function main() {
  const { BertModel } = room('models/bert/model');
  await BertModel.from_pretrained(process.argv[2]).then(
    () => report('no error'),
    ({ name, code, message }) => report({ name, code, message }),
  );
}

main();
