/** Heaps of version 2: where the links and attributes of large groups lie. */
import { btree2, bytesFor } from './btree2';
import { type Fields, UNDEFINED } from './fields';
import { type MetadataReader, NOTHING, type Reading } from './metadata-reader';

/** Kinds of objects, by two bits of their ids. */
const MANAGED = 0;
const HUGE = 1;
const TINY = 2;

/** How the blocks of a heap grow: rows of `width` blocks, each row's twice as large as those of the one before. */
interface Growth {
  width: number;
  first: number;
  largestDirect: number;
}

export class FractalHeap {
  private huge: Map<number, [address: number, length: number]> | null = null;

  private constructor(
    private readonly reader: MetadataReader,
    private readonly address: number,
    private readonly growth: Growth,
    private readonly offsetBytes: number,
    private readonly lengthBytes: number,
    private readonly root: number,
    private readonly rootRows: number,
    private readonly hugeTree: number,
    private readonly idBytes: number,
  ) {}

  static *open(reader: MetadataReader, address: number): Reading<FractalHeap> {
    const { offset, length } = reader.widths;
    const fields = yield* reader.fields(address, 26 + 3 * offset + 12 * length, 'the header of a heap');
    const idBytes = fields.signed('FRHP').u16();
    if (fields.u16() !== 0) throw fields.unsupported('is filtered');
    fields.skip(1);
    const largestManaged = fields.u32();
    fields.skip(length);
    const hugeTree = fields.address();
    fields.skip(length + offset + 8 * length);
    const width = fields.u16();
    const [first, largestDirect] = [fields.length(), fields.length()];
    const bits = fields.u16();
    fields.skip(2);
    const root = fields.address();
    const rows = fields.u16();
    reader.checkSum(fields.bytes.subarray(0, fields.skip(4).at), fields.what, address);
    if (width === 0 || first === 0 || largestDirect < first || bits > 64)
      throw fields.invalid('its blocks have no size');
    const lengthBytes = bytesFor(Math.min(largestDirect, largestManaged));
    const growth = { width, first, largestDirect };
    return new FractalHeap(reader, address, growth, Math.ceil(bits / 8), lengthBytes, root, rows, hugeTree, idBytes);
  }

  /** The object with this id. */
  *object(id: Fields): Reading<Fields> {
    const flags = id.u8();
    const kind = (flags >> 4) & 3;
    if (flags >> 6 !== 0) throw id.unsupported('has a version of ids');
    if (kind === MANAGED) {
      const offset = id.uint(this.offsetBytes);
      return yield* this.managed(offset, id.uint(this.lengthBytes));
    }
    if (kind === HUGE) return yield* this.large(id);
    if (kind !== TINY) throw id.invalid('it names an object of an unknown kind');
    const length = (this.idBytes > 18 ? ((flags & 15) << 8) | id.u8() : flags & 15) + 1;
    return id.part(length, 'an object of a heap');
  }

  private *managed(offset: number, length: number): Reading<Fields> {
    const { reader } = this;
    let [address, rows, rest] = [this.root, this.rootRows, offset];
    let blockBytes = this.growth.first;
    // Each step leads to a block that is smaller than the one before.
    while (rows > 0) {
      const { row, column, within, size } = this.find(rest);
      if (row >= rows) throw reader.fail('H5_INVALID', `object ${offset} of a heap lies outside of it`, this.address);
      address = yield* this.child(address, row, column);
      [rest, blockBytes] = [within, size];
      rows = size > this.growth.largestDirect ? this.rowsWithin(size) : 0;
    }
    if (address === UNDEFINED || rest + length > blockBytes) {
      throw reader.fail('H5_INVALID', `object ${offset} of ${length} bytes of a heap lies outside of it`, this.address);
    }
    const block = yield* reader.fields(address, 5, 'a block of a heap');
    block.signed('FHDB');
    return yield* reader.fields(address + rest, length, 'an object of a heap');
  }

  /** In which block of a table a byte lies. */
  private find(offset: number) {
    const { width, first } = this.growth;
    const ratio = Math.floor(offset / (width * first));
    const row = ratio === 0 ? 0 : Math.floor(Math.log2(ratio)) + 1;
    const size = row === 0 ? first : first * 2 ** (row - 1);
    const start = row === 0 ? 0 : width * first * 2 ** (row - 1);
    const column = Math.floor((offset - start) / size);
    return { row, column, size, within: offset - start - column * size };
  }

  private rowsWithin(size: number): number {
    const { width, first } = this.growth;
    return Math.floor(Math.log2(size)) - Math.floor(Math.log2(first * width)) + 1;
  }

  private *child(table: number, row: number, column: number): Reading<number> {
    const { reader, growth, offsetBytes } = this;
    const { offset } = reader.widths;
    const what = 'a table of a heap';
    reader.checkRange(table, 5, what);
    (yield* reader.fields(table, 5, what)).signed('FHIB');
    const place = table + 5 + offset + offsetBytes + (row * growth.width + column) * offset;
    return (yield* reader.fields(place, offset, what)).address();
  }

  /** Objects that are too large for blocks lie by themselves: the id has the place, or a number that a tree places. */
  private *large(id: Fields): Reading<Fields> {
    const { reader } = this;
    const { offset, length } = reader.widths;
    if (this.idBytes - 1 >= offset + length)
      return yield* reader.fields(id.address(), id.length(), 'an object of a heap');
    this.huge ??= yield* this.readHuge();
    const number = id.uint(Math.min(this.idBytes - 1, length));
    const place = this.huge.get(number);
    if (place === undefined) throw id.invalid(`it names object ${number}, which the heap does not hold`);
    return yield* reader.fields(...place, 'an object of a heap');
  }

  private *readHuge(): Reading<Map<number, [number, number]>> {
    const found = new Map<number, [number, number]>();
    yield* btree2(this.reader, this.hugeTree, [1], (record) => {
      const [address, length] = [record.address(), record.length()];
      found.set(record.length(), [address, length]);
      return NOTHING;
    });
    return found;
  }
}
