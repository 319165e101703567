import * as runtime from '../binding/runtime';

/** The net for tensors that escaped and were never disposed: their native memory goes when they are collected. */

const registry = new FinalizationRegistry<{ handle: runtime.Handle; bytes: number }>(({ handle, bytes }) => {
  runtime.release([handle]);
  runtime.heldBytes.add(-bytes);
});

/** Gives `handle` back when `owner` is collected. */
export function releaseWith(owner: object, handle: runtime.Handle, bytes: number): void {
  registry.register(owner, { handle, bytes }, owner);
  runtime.heldBytes.add(bytes);
}

/** Takes `releaseWith` back, before the handle is given back otherwise. */
export function keepFor(owner: object, bytes: number): void {
  if (registry.unregister(owner)) runtime.heldBytes.add(-bytes);
}
