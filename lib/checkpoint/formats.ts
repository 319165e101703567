/**
 * Readers and writers of the formats beside safetensors. Each is loaded by the first file that needs it: importing the
 * package does not wait for them.
 */
import type * as Flax from './flax/flax';
import type * as FlaxWriter from './flax/flax-writer';
import type * as Gguf from './gguf/gguf';
import type * as Hdf5 from './hdf5/hdf5';
import type * as Hdf5Writer from './hdf5/hdf5-writer';
import type * as Numpy from './numpy-pickle';
import type * as PyTorch from './pytorch/pytorch';
import type * as Bundle from './tf-bundle/bundle';

export function flaxReader(): typeof Flax {
  return require('./flax/flax') as typeof Flax;
}

export function ggufReader(): typeof Gguf {
  return require('./gguf/gguf') as typeof Gguf;
}

export function flaxWriter(): typeof FlaxWriter {
  return require('./flax/flax-writer') as typeof FlaxWriter;
}

export function hdf5Reader(): typeof Hdf5 {
  return require('./hdf5/hdf5') as typeof Hdf5;
}

export function hdf5Writer(): typeof Hdf5Writer {
  return require('./hdf5/hdf5-writer') as typeof Hdf5Writer;
}

export function numpyReader(): typeof Numpy {
  return require('./numpy-pickle') as typeof Numpy;
}

export function pytorchReader(): typeof PyTorch {
  return require('./pytorch/pytorch') as typeof PyTorch;
}

export function bundleReader(): typeof Bundle {
  return require('./tf-bundle/bundle') as typeof Bundle;
}
