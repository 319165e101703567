'use strict';
// Uses the package once and tells what came of it: the settings are in the environment.
const { room, longSum, report } = require('./work.cjs');

async function main() {
  const { nativeInfo } = room('binding/runtime');
  try {
    const value = (await longSum(100, 3).getData())[99];
    const { readdirSync, readFileSync } = require('node:fs');
    const { getPriority } = require('node:os');
    const computing = readdirSync('/proc/self/task')
      .filter((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').startsWith('nt-compute'))
      .map((thread) => getPriority(Number(thread)) - getPriority());
    report({ value, computing, isa: nativeInfo().isa, threads: nativeInfo().threads, limit: nativeInfo().memoryLimit });
  } catch (error) {
    report({ name: error.name, code: error.code, message: error.message });
  }
}

main();
