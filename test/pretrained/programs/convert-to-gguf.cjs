// Converts models to one GGUF file: 'plain' or 'quantized' once, 'forever' two in turn until it is killed.
const { convertToGguf, setLogHook } = require('../../../dist/index.js');

const [how, output, ...folders] = process.argv.slice(2);

async function main() {
  setLogHook(() => {});
  process.stdout.write('ready\n');
  for (let i = 0; ; i = 1 - i) {
    const quantize = how === 'quantized' || i === 1 ? 'Q8_0' : null;
    await convertToGguf(folders[i], { output, quantize });
    process.stdout.write('saved\n');
    if (how !== 'forever') return;
  }
}

main();
