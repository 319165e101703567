import type * as Library from '@huggingface/hub';

/** `@huggingface/hub`, loaded by the first push: whoever only reads does not wait for it. */
export function hubLibrary(): typeof Library {
  return require('@huggingface/hub') as typeof Library;
}
