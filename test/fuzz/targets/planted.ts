import { openSync } from 'node:fs';
import { join } from 'node:path';
import { cat, randn, type Tensor } from '../../../lib';
import type { Target } from '../target';

/** What goes wrong at seed 530 of each target here, behind the inputs that warm a process up: they test the watching. */
export const kPlantedSeed = 530;

const leaked: Tensor[] = [];
const faults: Readonly<Record<string, (path: string) => unknown>> = {
  hang() {
    for (;;);
  },
  crash: () => process.kill(process.pid, 'SIGSEGV'),
  'open-file': (path) => openSync(path, 'r'),
  async 'held-tensor'() {
    const tensor = cat([randn([64]), randn([64])], 0);
    leaked.push(tensor);
    await tensor.getData(); // It owns memory once it is computed.
  },
  'uncoded-error'() {
    throw new TypeError('of no kind of ours');
  },
};

/** Known by their names, and in no list. */
export const planted: readonly Target[] = Object.entries(faults).map(([name, fault]) => ({
  name: `planted-${name}`,
  about: `${name} at seed ${kPlantedSeed}`,
  make: (seed) => new Map([['file', Buffer.from(String(seed))]]),
  async open(folder, seed) {
    if (seed === kPlantedSeed) await fault(join(folder, 'file'));
  },
}));
