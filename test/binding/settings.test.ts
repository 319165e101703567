import { nativeInfo } from '../../lib/binding/runtime';
import { resultOf } from './run-program';

const settings = (env: Record<string, string>) => resultOf<Record<string, unknown>>('settings', { env });

describe('NATIVE_TRANSFORMERS_ISA', () => {
  it.each(nativeInfo().levels)('%s: is obeyed', async (isa) => {
    expect(await settings({ NATIVE_TRANSFORMERS_ISA: isa })).toMatchObject({ value: 3, isa });
  });

  it('is refused when no CPU has it', async () => {
    expect(await settings({ NATIVE_TRANSFORMERS_ISA: 'sse9' })).toMatchObject({
      name: 'ImportError',
      code: 'ERR_ISA',
      message: expect.stringMatching(/NATIVE_TRANSFORMERS_ISA must be one of .*avx2.*'sse9'/),
    });
  });

  it('is refused when this CPU lacks it', async () => {
    const lacking = nativeInfo().levels.includes('neon') ? 'avx2' : 'neon';
    expect(await settings({ NATIVE_TRANSFORMERS_ISA: lacking })).toMatchObject({
      code: 'ERR_ISA',
      message: expect.stringMatching(new RegExp(`this CPU lacks.*'${lacking}', and this CPU has .*generic`)),
    });
  });
});

describe('NATIVE_TRANSFORMERS_THREADS', () => {
  it.each([1, 3])('%i: is obeyed', async (threads) => {
    expect(await settings({ NATIVE_TRANSFORMERS_THREADS: String(threads) })).toMatchObject({ value: 3, threads });
  });

  it.each(['none', '0', '2.5', '99999'])('%s: is refused', async (text) => {
    expect(await settings({ NATIVE_TRANSFORMERS_THREADS: text })).toMatchObject({
      name: 'ValueError',
      message: `NATIVE_TRANSFORMERS_THREADS is '${text}'; it must be a whole number from 1 to 1024`,
    });
  });
});

describe('NATIVE_TRANSFORMERS_NICE', () => {
  const niceness = async (env: Record<string, string>) =>
    (await settings({ NATIVE_TRANSFORMERS_THREADS: '2', ...env }))['computing'];

  it('lets compute threads give way to the event loop when it is unset', async () => {
    expect(await niceness({})).toEqual([10, 10]);
  });

  it.each(['0', '4'])('%s: is obeyed', async (nice) => {
    expect(await niceness({ NATIVE_TRANSFORMERS_NICE: nice })).toEqual([Number(nice), Number(nice)]);
  });

  it.each(['-1', '20', 'very'])('%s: is refused', async (text) => {
    expect(await settings({ NATIVE_TRANSFORMERS_NICE: text })).toMatchObject({
      name: 'ValueError',
      message: `NATIVE_TRANSFORMERS_NICE is '${text}'; it must be a whole number from 0 to 19`,
    });
  });
});

describe('NATIVE_TRANSFORMERS_MEMORY', () => {
  it.each([
    ['100000000', 100_000_000],
    ['512MB', 512_000_000],
    ['1.5 GiB', 1.5 * 2 ** 30],
  ])('%s: is obeyed', async (text, limit) => {
    expect(await settings({ NATIVE_TRANSFORMERS_MEMORY: text })).toMatchObject({ value: 3, limit });
  });

  it.each(['plenty', '-1', '8 parsecs', '0'])('%s: is refused', async (text) => {
    expect(await settings({ NATIVE_TRANSFORMERS_MEMORY: text })).toMatchObject({
      name: 'ValueError',
      message: expect.stringContaining(`NATIVE_TRANSFORMERS_MEMORY is '${text}'; it must be bytes or a size`),
    });
  });
});
