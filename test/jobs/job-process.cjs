/** The command line with models that need no weights: tests start it as a process of its own, and kill it. */

const { join } = require('node:path');
const { fakeClassifier, fakeEmbedder, formatRows } = require('./fake-model.cjs');

const dist = join(__dirname, '../../dist');
const { classifyCommand } = require(join(dist, 'cli/classify.js'));
const { embedCommand } = require(join(dist, 'cli/embed.js'));
const { runCli } = require(join(dist, 'cli/run-cli.js'));

const settings = JSON.parse(process.env.FAKE_MODEL ?? '{}');

async function load({ model, ...others }) {
  const make = process.argv[2] === 'classify' ? fakeClassifier : fakeEmbedder;
  const fake = make({ ...settings, fingerprint: { folder: model, ...others } });
  if (!settings.announce) return fake;
  return {
    ...fake,
    run(...args) {
      process.stderr.write('{"event":"batch"}\n');
      return fake.run(...args);
    },
  };
}

const parts = async () => ({ load, formatRows: () => formatRows });
const terminal = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env };

runCli([embedCommand(parts), classifyCommand(parts)], process.argv.slice(2), terminal, '0.0.0').then((code) => {
  process.exitCode = code;
});
