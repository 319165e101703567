import { join } from 'node:path';
import { resultOf } from './run-program';

interface Told {
  name: string;
  code: string;
  message: string;
}

describe('native memory', () => {
  it('comes back from instances of the package that were collected', async () => {
    const { few, many, tensor } = await resultOf<{ few: number; many: number; tensor: number }>('collected', {
      nodeArgs: ['--expose-gc'],
    });
    expect(many).toBeLessThanOrEqual(few + 2 * tensor);
  });

  it('comes back from tensors that nobody disposed', async () => {
    const { made, peak } = await resultOf<{ made: number; peak: number }>('undisposed');
    expect(peak).toBeLessThan(made / 4);
  });

  it('has a limit, and beyond it calls fail and the process goes on', async () => {
    const { errors, larger, value } = await resultOf<{ errors: Told[]; larger: Told; value: number }>('out-of-memory', {
      env: { NATIVE_TRANSFORMERS_MEMORY: '30MB' },
    });
    expect(errors).toHaveLength(4);
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'RuntimeError', code: 'ERR_OUT_OF_MEMORY' });
      expect(error.message).toMatch(/^add: out of memory \(Tensor.*the limit is 30000000.*NATIVE_TRANSFORMERS_MEMORY/);
    }
    expect(larger).toMatchObject({ name: 'RuntimeError', code: 'ERR_OUT_OF_MEMORY' });
    expect(larger.message).toMatch(/^ones: .* 67108864 bytes, and no more than 30000000 .*NATIVE_TRANSFORMERS_MEMORY/);
    expect(value).toBe(5);
  });

  it('may be less than the weights of a model, which are then named', async () => {
    const folder = join(__dirname, '..', 'goldens', 'bert', 'base');
    const error = await resultOf<Told>('load-too-large', {
      args: [folder],
      env: { NATIVE_TRANSFORMERS_MEMORY: '20000' },
    });
    expect(error).toMatchObject({ name: 'RuntimeError', code: 'ERR_OUT_OF_MEMORY' });
    expect(error.message).toMatch(
      /the weights of BertModel in '.*bert.base' are \d+ bytes as float32.*of 20000 bytes.*'bfloat16'.*NATIVE_TRANSFORMERS_MEMORY/,
    );
  });

  it('is not taken for ever by a program that never awaits', async () => {
    const env = { NATIVE_TRANSFORMERS_MEMORY: '200MB' };
    const told = await resultOf<Record<'error' | 'full', Told> & Record<'value' | 'bytes' | 'after', number>>(
      'queue-full',
      { env },
    );
    for (const error of [told.error, told.full]) {
      expect(error).toMatchObject({ name: 'RuntimeError', code: 'ERR_QUEUE_FULL' });
      expect(error.message).toMatch(/await/);
    }
    expect(told.value).toBe(7);
    expect(told.bytes).toBeGreaterThanOrEqual(8 * 2 ** 30);
    expect(told.after).toBe(2);
  });
});
