import { HeldBytes } from '../../lib/binding/held-bytes';

const MB = 2 ** 20;

/** What the collector was told, one number a time. */
function listen(): { held: HeldBytes; told: number[] } {
  const told: number[] = [];
  return { held: new HeldBytes((more) => told.push(more)), told };
}

describe('what the garbage collector is told', () => {
  it('comes in steps that grow with what is held', () => {
    const { held, told } = listen();
    for (let i = 0; i < 2000; i++) held.add(MB);
    const sum = told.reduce((a, b) => a + b, 0);
    expect(told.length).toBeLessThan(40);
    expect(sum).toBeLessThanOrEqual(2000 * MB);
    expect(sum).toBeGreaterThan(1500 * MB);
  });

  it('is of all weights of a model at once, when all are there', () => {
    const { held, told } = listen();
    for (let i = 0; i < 500; i++) held.arriving(() => held.add(4 * MB));
    expect(told).toEqual([]);
    held.arrived();
    expect(told).toEqual([2000 * MB]);
  });

  it('is of what others hold while a model is filled', () => {
    const { held, told } = listen();
    held.arriving(() => held.add(1000 * MB));
    held.add(8 * MB);
    expect(told).toEqual([8 * MB]);
    held.arrived();
    expect(told).toEqual([8 * MB, 1000 * MB]);
  });

  it('is of weights as of all else when making them failed', () => {
    const { held, told } = listen();
    expect(() =>
      held.arriving(() => {
        throw new Error('no memory');
      }),
    ).toThrow('no memory');
    held.add(8 * MB);
    expect(told).toEqual([8 * MB]);
  });

  it('is of what was given back', () => {
    const { held, told } = listen();
    held.add(100 * MB);
    held.add(-100 * MB);
    expect(told).toEqual([100 * MB, -100 * MB]);
  });
});
