'use strict';
// Uses the package once and tells what came of it: the settings are in the environment.
const { room, longSum, report } = require('./work.cjs');

async function main() {
  const { nativeInfo } = room('binding/runtime');
  try {
    const value = (await longSum(100, 3).getData())[99];
    const { readdirSync, readFileSync } = require('node:fs');
    const { getPriority } = require('node:os');
    const niceness = () =>
      readdirSync('/proc/self/task')
        .filter((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').startsWith('nt-compute'))
        .map((thread) => getPriority(Number(thread)) - getPriority());
    // A thread that had nothing to compute yet may still be starting.
    const isSettled = (all) => all.length === nativeInfo().threads && all.every((nice) => nice === all[0]);
    let computing = niceness();
    for (let i = 0; i < 100 && !isSettled(computing); i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      computing = niceness();
    }
    report({ value, computing, isa: nativeInfo().isa, threads: nativeInfo().threads, limit: nativeInfo().memoryLimit });
  } catch (error) {
    report({ name: error.name, code: error.code, message: error.message });
  }
}

main();
