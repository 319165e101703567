import { PassThrough } from 'node:stream';
import type { CheckpointSummary } from '../../lib/auto/inspect';
import { classifyCommand } from '../../lib/cli/classify';
import { type Command, envName } from '../../lib/cli/command';
import { type Diagnosis, doctorCommand } from '../../lib/cli/doctor';
import { embedCommand } from '../../lib/cli/embed';
import { exitCodeOf } from '../../lib/cli/exit-code';
import { inspectCommand } from '../../lib/cli/inspect';
import { parseCommand } from '../../lib/cli/parse';
import { runCli } from '../../lib/cli/run-cli';
import { CheckpointError, ImportError, OSError, RuntimeError, ValueError } from '../../lib/errors';
import type { EmbedSettings } from '../../lib/jobs/models';
import { fakeClassifier, fakeEmbedder, formatRows } from '../jobs/fake-model.cjs';
import { sampleLines, Workplace } from '../jobs/run-folder';

const INSPECTION: CheckpointSummary = {
  path: './model',
  model_type: 'bert',
  architectures: ['BertModel'],
  files: [{ file: 'model.safetensors', format: 'safetensors', tensors: 103, bytes: 90_868_376 }],
  tensors: [],
  metadata: [],
  dtypes: [{ dtype: 'float32', tensors: 102, parameters: 22_713_216, bytes: 90_852_864 }],
  parameters: 22_713_216,
  bytes: 90_852_864,
  details: [['pooling', 'mean']],
  loads: true,
  isFile: false,
  call: null,
  reasons: [],
};

const DIAGNOSIS: Diagnosis = {
  groups: [
    {
      title: 'CPU',
      facts: [
        ['isa', 'avx2'],
        ['threads', '2'],
      ],
    },
  ],
  problems: [],
};

function allCommands(
  load: (settings: EmbedSettings) => ReturnType<typeof fakeEmbedder> = () => fakeEmbedder(),
): Command[] {
  return [
    embedCommand(async () => ({ load: async (settings) => load(settings), formatRows: () => formatRows })),
    classifyCommand(async () => ({ load: async () => fakeClassifier(), formatRows: () => formatRows })),
    inspectCommand(async (path) => ({ ...INSPECTION, path })),
    doctorCommand(async () => DIAGNOSIS),
  ];
}

async function run(args: string[], { commands = allCommands(), env = {}, isTTY = false, columns = 80 } = {}) {
  const said = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => {
    const through = Object.assign(new PassThrough(), { isTTY, columns });
    through.on('data', (chunk) => {
      said[name] += chunk;
    });
    return through;
  };
  const terminal = { stdin: new PassThrough(), stdout: stream('stdout'), stderr: stream('stderr'), env };
  const code = await runCli(commands, args, terminal, '1.2.3');
  await new Promise(setImmediate);
  return { code, ...said };
}

describe('the command line', () => {
  it('says what there is, and each command shows a real example', async () => {
    const main = await run(['--help']);
    expect(main).toMatchObject({ code: 0, stderr: '' });
    for (const { name, summary, options, examples } of allCommands()) {
      expect(main.stdout.replace(/\s+/g, ' ')).toContain(`${name} ${summary}`);
      const help = await run([name, '--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toContain(`  ${examples[0]!.line}\n`);
      for (const option of Object.keys(options)) {
        expect(help.stdout).toContain(option);
        expect(help.stdout.replace(/\s+/g, ' ')).toContain(`env: ${envName(option)}`);
      }
      if (name === 'embed' || name === 'classify')
        expect(help.stdout.replace(/\s+/g, ' ')).toContain('in place of fields of that name that it had');
      expect((await run(['help', name])).stdout).toBe(help.stdout);
      expect((await run([name, 'x', '-h'])).stdout).toBe(help.stdout);
    }
  });

  it('shows examples that it understands itself', () => {
    for (const command of allCommands()) {
      for (const { line } of command.examples) {
        const words = line.slice(line.indexOf(`native-transformers ${command.name}`)).match(/'[^']*'|\S+/g)!;
        const args = words.slice(2).map((word) => word.replaceAll("'", ''));
        expect(() => parseCommand(command, args, {})).not.toThrow();
      }
    }
  });

  it('prints its version', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });

  it.each([50, 80, 100, 300])(
    'breaks its help for a terminal of %i columns, and leaves examples whole',
    async (columns) => {
      const examples = allCommands().flatMap((command) =>
        command.examples.flatMap(({ line, what }) => [line, `# ${what}`]),
      );
      for (const args of [['--help'], ...allCommands().map(({ name }) => [name, '--help'])]) {
        const lines = (await run(args, { columns })).stdout
          .split('\n')
          .filter((line) => !examples.includes(line.trim()));
        // One word may be longer than the room that it has.
        const long = lines.filter(
          (line) => line.length > Math.min(100, columns) && / {2,}\S+ \S/.test(line.trimStart()),
        );
        expect(long).toEqual([]);
        expect(Math.max(...lines.map((line) => line.length))).toBeGreaterThan(0.8 * Math.min(100, columns) - 12);
      }
    },
  );

  it('exits with 2 and shows the help where no command is given', async () => {
    const { code, stdout, stderr } = await run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: native-transformers COMMAND');
  });

  it.each([
    [['emded'], "there is no command 'emded'; did you mean embed?"],
    [['--embed'], "there is no option '--embed'"],
    [['embed', 'x', '--modl', 'y'], 'embed has no option --modl; did you mean --model?'],
    [['embed', 'x', '--norm'], 'embed has no option --norm; did you mean --normalize?'],
    [['embed', 'x', '-z'], 'embed has no option -z'],
    [['embed', 'x', '-o', 'out'], '--model is missing'],
    [['embed', '-m', 'x', '-o', 'out'], 'INPUT is missing'],
    [
      ['embed', 'x', '-m', 'x', '-o', 'out', '--format', 'parket'],
      "--format must be one of jsonl, npy, safetensors, parquet, got 'parket'; did you mean parquet?",
    ],
    [
      ['embed', 'x', '-m', 'x', '-o', 'out', '--shard-rows', '0'],
      "--shard-rows must be a whole number above 0, got '0'",
    ],
    [['embed', 'x', '-m', 'x', '-o'], "Option '-o, --output <value>' argument missing"],
    [['embed', 'x', '-m', 'x', '-o', 'out', '--overwrite=yes'], "Option '--overwrite' does not take an argument"],
    [['classify', 'x', '-m', 'x', '-o', 'out', '-f', 'npy'], '--format must be one of jsonl, parquet'],
    [
      ['embed', 'x', '-m', 'x', '-o', 'out', '--csv-header', '--no-csv-header'],
      '--csv-header and --no-csv-header contradict each other',
    ],
    [['embed', 'x', '-m', 'x', '-m', 'y', '-o', 'out'], '-m is given twice'],
    [['embed', 'x', '-m', 'x', '-o', 'out', '--output=other'], '--output is given twice'],
    [['embed', 'x', '-m', 'x', '-o', 'out', '--overwrite', '--overwrite'], '--overwrite is given twice'],
    [['inspect'], 'PATH is missing'],
    [['inspect', 'a', 'b'], "inspect takes one PATH, got 'b' too"],
    [['doctor', 'a'], "doctor takes no arguments, got 'a'"],
  ])('%j is a usage error', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(`error: ${message}`);
    expect(stderr).toMatch(/\(see native-transformers .*--help\)\n$/);
  });

  it('takes options from the environment, flags first', async () => {
    const command = allCommands()[0]!;
    const env = {
      NATIVE_TRANSFORMERS_MODEL: 'from-env',
      NATIVE_TRANSFORMERS_OUTPUT: 'out',
      NATIVE_TRANSFORMERS_NORMALIZE: '0',
      NATIVE_TRANSFORMERS_SHARD_ROWS: '10',
      NATIVE_TRANSFORMERS_PROMPT: '',
    };
    const { options } = parseCommand(command, ['x', '--shard-rows', '20'], env);
    expect(options).toMatchObject({
      model: 'from-env',
      output: 'out',
      normalize: false,
      'shard-rows': 20,
      prompt: undefined,
    });
    expect(parseCommand(command, ['x', '--normalize'], env).options).toMatchObject({ normalize: true });
    expect(() => parseCommand(command, ['x'], { ...env, NATIVE_TRANSFORMERS_NORMALIZE: 'maybe' })).toThrow(
      /must be 1 or 0/,
    );
    expect(() => parseCommand(command, ['x'], { ...env, NATIVE_TRANSFORMERS_FORMAT: 'xml' })).toThrow(
      /--format must be/,
    );
  });

  it('gives every error class its exit code', () => {
    expect(exitCodeOf(new CheckpointError('TRUNCATED', 'x'))).toBe(65);
    expect(exitCodeOf(new OSError('x', { code: 'NO_INPUT' }))).toBe(65);
    expect(exitCodeOf(new ValueError('x', { code: 'RUN_CHANGED' }))).toBe(65);
    expect(exitCodeOf(new OSError('x', { code: 'DISK_FULL' }))).toBe(1);
    expect(exitCodeOf(new RuntimeError('x'))).toBe(1);
    expect(exitCodeOf(new RuntimeError('x', { code: 'ERR_STATE_DICT' }))).toBe(65);
    expect(exitCodeOf(new Error('x'))).toBe(1);
    expect(exitCodeOf(new ImportError('x'))).toBe(69);
    expect(exitCodeOf(new RuntimeError('x', { code: 'RUN_LOCKED' }))).toBe(75);
  });
});

describe('embed', () => {
  let place: Workplace;
  beforeEach(() => {
    place = new Workplace();
  });
  afterEach(() => place.remove());

  it('hands its settings to the loader, runs the job, and gives the model back', async () => {
    const asked: EmbedSettings[] = [];
    const model = fakeEmbedder();
    const commands = allCommands((settings) => {
      asked.push(settings);
      return model;
    });
    const input = place.file('in.jsonl', sampleLines(10));
    const flags = ['-m', 'folder', '-o', place.out, '--pooling', 'cls', '--no-normalize', '--prompt-name', 'query'];
    const { code, stdout, stderr } = await run(['embed', input, ...flags], { commands });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${place.out}/manifest.json\n` });
    expect(asked).toEqual([{ model: 'folder', pooling: 'cls', normalize: false, prompt_name: 'query' }]);
    expect(model.log.disposed).toBe(1);
    expect(stderr).toMatch(/"event":"done".*"rows":10/);
  });

  it('ends with the sentence of the error when the model does not load', async () => {
    const commands = allCommands(() => {
      throw new OSError('there is no folder x', { code: 'NO_SUCH_FOLDER' });
    });
    const input = place.file('in.jsonl', sampleLines(10));
    const { code, stdout, stderr } = await run(['embed', input, '-m', 'x', '-o', place.out], { commands });
    expect({ code, stdout, stderr }).toEqual({
      code: 65,
      stdout: '',
      stderr: 'error: there is no folder x [NO_SUCH_FOLDER]\n',
    });
    expect(() => place.names('.')).toThrow();
  });

  it('exits with 65 and says why where not one row could be used, today and when asked again', async () => {
    const input = place.file('in.jsonl', '{"txt":"a","title":"b"}\n{"txt":"c"}\n');
    const args = ['embed', input, '-m', 'x', '-o', place.out, '--log', 'quiet'];
    const said =
      `error: not one of 2 rows could be used (${place.out}/errors). The first: there is no field 'text' (did you mean ` +
      "'txt'?); the fields are 'txt', 'title' [MISSING_TEXT]. Name the field of the text with --text-field, and add " +
      '--overwrite [NO_USABLE_ROWS]\n';
    for (const flags of [[], [], ['--fail-on-errors']]) {
      const { code, stdout, stderr } = await run([...args, ...flags]);
      expect({ code, stdout, stderr }).toEqual({ code: 65, stdout: `${place.out}/manifest.json\n`, stderr: said });
    }
    expect(place.manifest()).toMatchObject({ rows: 0, failed: 2 });
    const mended = await run([...args, '--text-field', 'txt', '--overwrite']);
    expect(mended).toMatchObject({ code: 0, stderr: '' });
    expect(place.manifest()).toMatchObject({ rows: 2, failed: 0 });
    expect((await run(['--help'])).stdout.replace(/\s+/g, ' ')).toMatch(/ 65 .*not one row could be used/);
  });

  it('speaks in sentences on a terminal, and says nothing when quiet', async () => {
    const input = place.file('in.jsonl', `${sampleLines(10)}x\n`);
    const args = ['embed', input, '-m', 'x', '-o', place.out];
    const pretty = await run(args, { isTTY: true });
    expect(pretty.stderr).toMatch(/done: 10 rows, 1 failed \(.*\/errors\) in .* rows\/s\. Report: .*report\.html\n$/);
    const again = await run([...args, '--log', 'pretty']);
    expect(again.stderr).toMatch(/note: going on behind 1 finished parts\ndone: .*nothing left to do/);
    expect((await run([...args, '--log', 'quiet'])).stderr).toBe('');
  });
});

describe('inspect and doctor', () => {
  it('print their facts in columns, or as JSON', async () => {
    const { code, stdout } = await run(['inspect', 'there']);
    expect(code).toBe(0);
    expect(stdout).toContain(
      'checkpoint    there\narchitecture  BertModel\nmodel type    bert\nparameters    22,713,216\n',
    );
    expect(stdout).toContain(
      'file               format       tensors    bytes\nmodel.safetensors  safetensors      103  90.9 MB\n',
    );
    expect(stdout).toMatch(/It will load\.\n$/);
    expect(JSON.parse((await run(['inspect', 'there', '--json'])).stdout)).toEqual({ ...INSPECTION, path: 'there' });
    const doctor = await run(['doctor']);
    expect(doctor).toEqual({
      code: 0,
      stdout: 'CPU\n  isa      avx2\n  threads  2\n\nNo problems found.\n',
      stderr: '',
    });
  });

  it('exit with 65 for a checkpoint that will not load, 69 for a build with problems', async () => {
    const bad = inspectCommand(async () => ({ ...INSPECTION, loads: false, reasons: ['the header lies'] }));
    const inspected = await run(['inspect', 'x'], { commands: [bad] });
    expect(inspected.code).toBe(65);
    expect(inspected.stdout).toMatch(/It will not load:\n {2}the header lies\n$/);
    const ill = doctorCommand(async () => ({ groups: [], problems: ['there is no build: run npm run build:native'] }));
    expect(await run(['doctor'], { commands: [ill] })).toMatchObject({
      code: 69,
      stdout: expect.stringContaining('Problems\n'),
    });
  });
});
