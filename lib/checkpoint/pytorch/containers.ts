/** The readers of PyTorch's three kinds of files. Each is loaded by the first file of its kind: of the older ones there are few. */
import type * as Stream from './stream-container';
import type * as Tar from './tar-container';
import type * as Zip from './zip-container';

export function zipReader(): typeof Zip {
  return require('./zip-container') as typeof Zip;
}

export function streamReader(): typeof Stream {
  return require('./stream-container') as typeof Stream;
}

export function tarReader(): typeof Tar {
  return require('./tar-container') as typeof Tar;
}
