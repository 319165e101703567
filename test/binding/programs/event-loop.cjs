'use strict';
// Counts what the event loop does while one native op after another runs.
const { monitorEventLoopDelay } = require('node:perf_hooks');
const { longWork, report } = require('./work.cjs');

async function main() {
  await longWork(20).getData(); // threads, code and memory are warm
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const begin = performance.now();
  delay.enable();
  await longWork(1000).getData();
  delay.disable();
  clearInterval(timer);
  report({ ms: performance.now() - begin, ticks, longestMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6 });
}

main();
