import { memoryStats } from '../../lib/binding/runtime';

/** Waits until no more than `bytes` of tensors live: a value goes when the command that read it last has ended. */
export async function expectLive(bytes: number): Promise<void> {
  for (let i = 0; i < 200 && memoryStats().live > bytes; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(memoryStats().live).toBeLessThanOrEqual(bytes);
}
