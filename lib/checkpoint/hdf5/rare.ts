/** Parts of the reader that opening a file of Keras does without. Each is loaded by the first file that needs it. */
import type * as Elements from './dataset-reader';
import type * as Dense from './dense-objects';
import type * as Filters from './filters';

/** Groups of many links, objects of many attributes. */
export function denseReader(): typeof Dense {
  return require('./dense-objects') as typeof Dense;
}

export function elementReader(): typeof Elements {
  return require('./dataset-reader') as typeof Elements;
}

export function filterReader(): typeof Filters {
  return require('./filters') as typeof Filters;
}
