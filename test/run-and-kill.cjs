// Programs that tests run to their end, or kill.
const { spawn } = require('node:child_process');

/** Starts an endless program, and kills it `ms` after the first, second or third line that it says. */
function runAndKill(script, args, ms) {
  let begun = Math.floor(Math.random() * 3);
  return start(script, args, (child) => {
    child.stdout.on('data', (text) => {
      begun -= String(text).split('\n').length - 1;
      if (begun < 0) setTimeout(() => child.kill('SIGKILL'), ms);
    });
  });
}

/** Runs a program that ends by itself. */
const run = (script, args) => start(script, args, () => {});

function start(script, args, started) {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  started(child);
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0 || signal === 'SIGKILL') resolve();
      else reject(new Error(`${script} ended with ${code ?? signal}: ${said}`));
    });
  });
}

module.exports = { run, runAndKill };
