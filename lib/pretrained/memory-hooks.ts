import { submit } from '../binding/runtime';
import type { Module } from '../nn/module';
import { reshape } from '../tensor/dispatch';
import { slice } from '../tensor/ops/layout';
import { scope } from '../tensor/scope';
import { currentStream } from '../tensor/stream';
import { Tensor } from '../tensor/tensor';

/** The process' memory around each module's forward, for whoever looks for what takes it. */

/** What hooks leave on a module, in bytes of resident memory. */
export interface MemoryState {
  /** Of all forwards since the last reset, children included. */
  mem_rss_diff: number;
  mem_rss_pre_forward: number;
  mem_rss_post_forward: number;
}

const hooked = new WeakSet<Module>();

/**
 * Has each module below `root` measure. A forward only records what is to be computed, so a measured one waits for its
 * result in place: the event loop stands still meanwhile, and no two modules overlap.
 */
export function addMemoryHooks(root: Module): void {
  for (const module of root.modules()) {
    const { forward } = module;
    if (!forward || hooked.has(module)) continue;
    hooked.add(module);
    hide(module, 'forward', (...args: never[]) => measured(module, () => forward.apply(module, args)));
  }
  resetMemoryHooks(root);
}

export function resetMemoryHooks(root: Module): void {
  for (const module of root.modules())
    for (const name of ['mem_rss_diff', 'mem_rss_post_forward', 'mem_rss_pre_forward']) hide(module, name, 0);
}

function measured(module: Module, forward: () => unknown): unknown {
  const state = module as Module & MemoryState;
  state.mem_rss_pre_forward = process.memoryUsage.rss();
  const output = forward();
  waitFor(output);
  state.mem_rss_post_forward = process.memoryUsage.rss();
  state.mem_rss_diff += state.mem_rss_post_forward - state.mem_rss_pre_forward;
  return output;
}

/** Waits until the first tensor in `output` has been computed, and so all that was recorded before it. */
function waitFor(output: unknown): void {
  const tensor = firstTensor(output);
  if (!tensor || tensor.isRead || tensor.size === 0) return;
  scope(() => {
    const one = slice(reshape(tensor, [tensor.size]), 0, 0, 1);
    submit(currentStream().id);
    void one.data;
  });
}

function firstTensor(value: unknown): Tensor | null {
  if (value instanceof Tensor) return value;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return null;
  for (const item of Object.values(value)) {
    const found = firstTensor(item);
    if (found) return found;
  }
  return null;
}

function hide(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
}
