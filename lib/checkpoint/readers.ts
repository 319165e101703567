/**
 * Readers of the formats beside safetensors. Each is loaded by the first file that needs it: importing the package does not
 * wait for them.
 */
import type * as Flax from './flax/flax';
import type * as Gguf from './gguf/gguf';
import type * as Hdf5 from './hdf5/hdf5';
import type * as KerasNames from './hdf5/keras-names';
import type * as PyTorch from './pytorch/pytorch';
import type * as Bundle from './tf-bundle/bundle';

export function flaxReader(): typeof Flax {
  return require('./flax/flax') as typeof Flax;
}

export function ggufReader(): typeof Gguf {
  return require('./gguf/gguf') as typeof Gguf;
}

export function hdf5Reader(): typeof Hdf5 & typeof KerasNames {
  return { ...(require('./hdf5/hdf5') as typeof Hdf5), ...(require('./hdf5/keras-names') as typeof KerasNames) };
}

export function pytorchReader(): typeof PyTorch {
  return require('./pytorch/pytorch') as typeof PyTorch;
}

export function bundleReader(): typeof Bundle {
  return require('./tf-bundle/bundle') as typeof Bundle;
}
