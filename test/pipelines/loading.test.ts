import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoConfig } from '../../lib/auto/auto-config';
import { AutoModel, AutoModelForSequenceClassification } from '../../lib/auto/auto-model';
import { env } from '../../lib/env';
import { LogLevel, setLogHook } from '../../lib/logging';
import { type PipelineType, pipeline, TextClassificationPipeline } from '../../lib/pipelines';
import { AutoTokenizer } from '../../lib/preprocess';
import { kGoldens } from './golden-pipelines';

const judge = join(kGoldens, 'judge');

/** What a progress_callback may hear. */
interface Heard {
  status: string;
  name?: string;
  file?: string;
  progress?: number;
  loaded?: number;
  total?: number;
  files?: Record<string, { loaded: number; total: number }>;
  task?: string;
  model?: string;
}

const said: string[] = [];
let log: ReturnType<typeof setLogHook>;
beforeEach(() => {
  said.length = 0;
  log = setLogHook((_, message) => said.push(message));
});
afterEach(() => {
  setLogHook(log);
});

describe('pipeline(task, model, options)', () => {
  it('refuses tasks that there are not, naming the nearest and all', async () => {
    await expect(pipeline('text-clasification' as PipelineType, judge)).rejects.toMatchObject({
      name: 'KeyError',
      code: 'ERR_NO_SUCH_TASK',
      message: expect.stringMatching(/text-clasification.*'text-classification'.*fill-mask.*ner/),
    });
    await expect(pipeline('toString' as PipelineType, judge)).rejects.toMatchObject({ code: 'ERR_NO_SUCH_TASK' });
    await expect(pipeline(3 as never, judge)).rejects.toMatchObject({ code: 'ERR_TYPE' });
  });

  it('says which tasks of transformers.js are not here yet', async () => {
    for (const task of ['text-generation', 'translation_en_to_fr', 'automatic-speech-recognition', 'asr'])
      await expect(pipeline(task as PipelineType, judge)).rejects.toMatchObject({
        name: 'NotImplementedError',
        code: 'ERR_NOT_SUPPORTED_YET',
        message: expect.stringContaining(task),
      });
  });

  it('needs a model, and one that is there', async () => {
    await expect(pipeline('ner')).rejects.toMatchObject({ code: 'ERR_NO_MODEL' });
    await expect(pipeline('ner', null)).rejects.toMatchObject({ code: 'ERR_NO_MODEL' });
    await expect(pipeline('ner', '')).rejects.toMatchObject({
      code: 'ERR_NO_FOLDER',
      message: expect.stringContaining('is empty'),
    });
    await expect(pipeline('ner', {} as never)).rejects.toMatchObject({ code: 'ERR_TYPE' });
    await expect(pipeline('ner', join(kGoldens, 'nowhere'))).rejects.toMatchObject({ code: 'ERR_NO_FOLDER' });
    await expect(pipeline('ner', 'nobody/nothing')).rejects.toThrow(/nobody\/nothing/);
  });

  it('refuses options that there are not, naming the nearest', async () => {
    await expect(pipeline('ner', judge, { progress_calback: null })).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_NAME',
      message: expect.stringContaining("'progress_callback'"),
    });
    await expect(pipeline('ner', judge, { agregation_strategy: 'simple' })).rejects.toThrow(/'aggregation_strategy'/);
  });

  it('hands options of loading on, and takes those of ONNX with a word', async () => {
    await expect(pipeline('ner', judge, { dtype: 'q8' })).rejects.toThrow(/'q8'/);
    await expect(pipeline('ner', judge, { device: 'webgpu' })).rejects.toMatchObject({ code: 'ERR_DEVICE' });
    await using pipe = await pipeline('text-classification', judge, {
      dtype: 'fp16',
      device: 'wasm',
      session_options: {},
      use_external_data_format: false,
      model_file_name: 'model',
      quantized: false,
      subfolder: 'onnx',
      revision: 'main',
      cache_dir: null,
      local_files_only: true,
      problem_type: 'multi_label_classification',
    });
    expect([pipe.model.dtype, pipe.model.config.problem_type]).toEqual(['float16', 'multi_label_classification']);
    for (const name of ['session_options', 'model_file_name', 'quantized', 'onnx'])
      expect(said.filter((message) => message.includes(`'${name}'`))).toHaveLength(1);
  });

  it('starts every call from the options of calls that it was made with', async () => {
    await using pipe = await pipeline('text-classification', judge, { top_k: null });
    expect(await pipe('a fox')).toHaveLength(3);
    expect(await pipe('a fox', { top_k: undefined })).toHaveLength(3);
    expect(await pipe('a fox', { top_k: 2 })).toHaveLength(2);
  });

  it('tells progress_callback of every file, of their sum, and when it is ready', async () => {
    const heard: Heard[] = [];
    await using pipe = await pipeline('text-classification', judge, { progress_callback: (info) => heard.push(info) });
    expect(pipe.task).toBe('text-classification');
    expect(heard.at(-1)).toEqual({ status: 'ready', task: 'text-classification', model: judge });
    for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']) {
      const statuses = heard.filter((info) => info.file === file).map(({ status }) => status);
      expect(statuses.filter((status, i) => status !== statuses[i - 1])).toEqual([
        'initiate',
        'download',
        'progress',
        'done',
      ]);
    }
    const sums = heard.filter(({ status }) => status === 'progress_total');
    expect(sums.length).toBe(heard.filter(({ status }) => status === 'progress').length);
    for (const [i, { loaded }] of sums.slice(1).entries()) expect(loaded).toBeGreaterThan(sums[i]?.loaded as number);
    expect(sums.at(-1)).toMatchObject({ progress: 100, name: judge });
    for (const { files } of sums) expect(Object.keys(files ?? {})).toHaveLength(4);
    expect(sums[0]?.progress).toBeLessThan(50);
    expect(heard.slice(0, -1).every(({ name }) => name === judge)).toBe(true);
  });

  it('stops when its signal fires', async () => {
    const reason = new Error('enough');
    await expect(pipeline('ner', judge, { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'ABORT_ERR',
      cause: reason,
    });
  });

  it('can be made from a model and a tokenizer', async () => {
    const [model, tokenizer] = await Promise.all([
      AutoModelForSequenceClassification.from_pretrained(judge),
      AutoTokenizer.from_pretrained(judge),
    ]);
    await using pipe = new TextClassificationPipeline({ task: 'text-classification', model, tokenizer });
    expect(await pipe('a fox')).toHaveLength(1);
  });
});

describe('env', () => {
  const { localModelPath } = env;
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'models-'));
    await mkdir(join(root, 'somebody'));
    await cp(judge, join(root, 'somebody', 'judge'), { recursive: true });
  });
  afterAll(() => rm(root, { recursive: true }));
  afterEach(() => {
    Object.assign(env, { localModelPath, allowLocalModels: true, logLevel: LogLevel.WARNING });
  });

  it('looks model ids up in localModelPath, at every door', async () => {
    env.localModelPath = root;
    expect((await AutoConfig.from_pretrained('somebody/judge')).model_type).toBe('bert');
    await using model = await AutoModel.from_pretrained('somebody/judge');
    expect(model.name_or_path).toBe('somebody/judge');
    (await AutoTokenizer.from_pretrained('somebody/judge')).dispose();
    const heard = new Set<string | undefined>();
    await using pipe = await pipeline('text-classification', 'somebody/judge', {
      progress_callback: (info) => heard.add(info.status === 'ready' ? info.model : info.name),
    });
    expect(await pipe('a fox')).toHaveLength(1);
    expect([...heard]).toEqual(['somebody/judge']);
  });

  it('leaves paths as they are', async () => {
    env.localModelPath = root;
    await using pipe = await pipeline('text-classification', judge);
    expect(pipe.model.name_or_path).toBe(judge);
    await expect(AutoConfig.from_pretrained('./somebody/judge')).rejects.toMatchObject({ code: 'ERR_NO_FOLDER' });
  });

  it('reads no folder when local models are not allowed', async () => {
    env.allowLocalModels = false;
    await expect(pipeline('ner', judge)).rejects.toMatchObject({ code: 'ERR_LOCAL_MODELS_OFF' });
    await expect(AutoTokenizer.from_pretrained(judge)).rejects.toMatchObject({ code: 'ERR_LOCAL_MODELS_OFF' });
    await expect(AutoModel.from_pretrained(judge)).rejects.toMatchObject({ code: 'ERR_LOCAL_MODELS_OFF' });
  });

  it('sets the log level', () => {
    env.logLevel = LogLevel.ERROR;
    env.cacheDir = '/somewhere/else';
    expect([env.logLevel, said]).toEqual([LogLevel.ERROR, []]);
  });

  it('says once that settings of downloads and of ONNX Runtime do nothing, and refuses what is none', () => {
    env.useBrowserCache = false;
    env.allowRemoteModels = false;
    env.allowRemoteModels = true;
    expect(said).toEqual([]);
    env.remoteHost = 'https://models.example/';
    env.remoteHost = 'https://models.example/more/';
    (env.backends.onnx['wasm'] as Record<string, unknown>)['numThreads'] = 1;
    env.backends.onnx['logLevel'] = 'error';
    expect(said).toEqual([
      expect.stringContaining('env.remoteHost'),
      expect.stringContaining('env.backends.onnx.wasm.numThreads'),
      expect.stringContaining('env.backends.onnx.logLevel'),
    ]);
    expect(env.version).toMatch(/^\d+\.\d+\.\d+/);
    expect(() => {
      (env as unknown as Record<string, unknown>)['allowLocalModel'] = true;
    }).toThrow(/'allowLocalModels'/);
  });
});
