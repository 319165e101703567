/** Commands that change checkpoints, as a process of its own that says when it works and then takes its time. */

const { join } = require('node:path');

const dist = join(__dirname, '../../dist');
const { editCheckpoint } = require(join(dist, 'auto/edit-checkpoint.js'));
const { pruneHeadsCommand } = require(join(dist, 'cli/edit.js'));
const { castCommand } = require(join(dist, 'cli/rewrite.js'));
const { runCli } = require(join(dist, 'cli/run-cli.js'));
const { rewriteCheckpoint } = require(join(dist, 'auto/rewrite-checkpoint.js'));

function announce() {
  process.stderr.write('{"event":"start"}\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
}

const edit = (folder, change, options) =>
  editCheckpoint(
    folder,
    (model) => {
      announce();
      change(model);
    },
    options,
  );
const rewrite = async (folder, options) => {
  announce();
  await new Promise(setImmediate); // signals are heard between turns
  await new Promise(setImmediate);
  return rewriteCheckpoint(folder, options);
};

const terminal = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env };
const commands = [pruneHeadsCommand(async () => ({ edit })), castCommand(async () => rewrite)];
runCli(commands, process.argv.slice(2), terminal, '0.0.0').then((code) => {
  process.exitCode = code;
});
