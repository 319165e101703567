import type { MetadataReader } from './metadata-reader';

/** Texts of any length, which lie in collections that are read whole: each has some thousand bytes. */
export class GlobalHeaps {
  private readonly collections = new Map<number, Map<number, Buffer>>();

  constructor(private readonly reader: MetadataReader) {}

  /** The first `length` bytes of an object, which any number of texts may be. */
  object(address: number, index: number, length: number): Buffer {
    let found = this.collections.get(address);
    if (found === undefined) {
      found = this.collection(address);
      this.collections.set(address, found);
    }
    const object = found.get(index);
    if (object !== undefined && length <= object.byteLength) {
      this.reader.spend(length, address);
      return object.subarray(0, length);
    }
    if (object !== undefined)
      throw this.reader.fail('H5_INVALID', `a text of ${length} bytes lies in ${object.byteLength}`, address);
    throw this.reader.fail('H5_INVALID', `the heap at byte ${address} has no object ${index}`, address);
  }

  private collection(address: number): Map<number, Buffer> {
    const what = 'a global heap';
    const { length } = this.reader.widths;
    const header = this.reader.now(address, 8 + length, what);
    const size = header.signed('GCOL', 1).skip(3).length();
    if (size < header.byteLength) throw header.invalid(`it has ${size} bytes`);
    const fields = this.reader.now(address, size, what);
    fields.skip(8 + length);
    const objects = new Map<number, Buffer>();
    while (fields.left >= 8 + length) {
      const index = fields.u16();
      if (index === 0) break;
      const bytes = fields.skip(6).length();
      const object = fields.take(bytes);
      objects.set(index, object);
      fields.skip(Math.min(Math.ceil(bytes / 8) * 8 - bytes, fields.left));
    }
    return objects;
  }
}
