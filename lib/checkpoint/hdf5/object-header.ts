/** Object headers: the messages that say what a group or a dataset is. */
import { type Fields, UNDEFINED } from './fields';
import type { MetadataReader } from './metadata-reader';

/** Numbers of the messages that are read. */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  oldFill: 0x04,
  fill: 0x05,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const;

const READ: ReadonlySet<number> = new Set(Object.values(MESSAGE));
/** Bits of a message's flags. */
const SHARED = 2;
const FAIL_IF_UNKNOWN = 0x80;
/** Highest number of a message in HDF5 2.0. */
const HIGHEST = 0x18;
const MOST_BLOCKS = 4096;

/** One message. */
export interface Message {
  type: number;
  /** Whether the body is somewhere else, and this only says where. */
  isShared: boolean;
  fields: Fields;
}

/** What stands in an object's header. */
export class ObjectHeader {
  constructor(
    readonly address: number,
    readonly messages: readonly Message[],
  ) {}

  all(type: number): Message[] {
    return this.messages.filter((message) => message.type === type);
  }

  find(type: number): Message | undefined {
    return this.messages.find((message) => message.type === type);
  }
}

/** Reads the header at `address`, all its blocks. */
export async function readObjectHeader(reader: MetadataReader, address: number): Promise<ObjectHeader> {
  const messages: Message[] = [];
  const what = 'an object header';
  reader.checkRange(address, 4, what);
  const start = await reader.fields(address, Math.min(64, reader.file.size - address), what);
  const isNew = start.bytes.subarray(0, 4).toString('latin1') === 'OHDR';
  const blocks: Block[] = [isNew ? await firstNewBlock(reader, start) : await firstOldBlock(reader, start)];
  for (let n = 0; n < blocks.length; n++) {
    const { fields, tracked } = blocks[n] as Block;
    for (const message of isNew ? newMessages(fields, tracked) : oldMessages(fields)) {
      if (message.type !== MESSAGE.continuation) {
        if (!READ.has(message.type)) continue;
        reader.spend(message.fields.bytes.byteLength, message.fields.place);
        messages.push(message);
        continue;
      }
      const [next, length] = [message.fields.address(), message.fields.length()];
      if (next === UNDEFINED || blocks.length >= MOST_BLOCKS) throw start.invalid('its blocks lead on without end');
      blocks.push(await nextBlock(reader, next, length, isNew, tracked));
    }
  }
  return new ObjectHeader(address, messages);
}

/** A run of messages. */
interface Block {
  fields: Fields;
  /** Whether each message has the number of its creation. */
  tracked: boolean;
}

async function firstOldBlock(reader: MetadataReader, start: Fields): Promise<Block> {
  const version = start.u8();
  if (version !== 1) throw start.invalid(`it has version ${version}; expected 1`);
  const length = start.skip(7).u32();
  return { fields: await reader.fields(start.place + 16, length, start.what), tracked: false };
}

async function firstNewBlock(reader: MetadataReader, start: Fields): Promise<Block> {
  const flags = start.signed('OHDR', 2).u8();
  if (flags & 0x20) start.skip(16);
  if (flags & 0x10) start.skip(4);
  const length = start.uint(1 << (flags & 3));
  const fields = await reader.summed(start.place, start.at + length + 4, start.what);
  fields.skip(start.at);
  return { fields, tracked: (flags & 4) !== 0 };
}

async function nextBlock(
  reader: MetadataReader,
  address: number,
  length: number,
  isNew: boolean,
  tracked: boolean,
): Promise<Block> {
  const what = 'a continued object header';
  if (!isNew) return { fields: await reader.fields(address, length, what), tracked };
  const fields = await reader.summed(address, Math.max(length, 8), what);
  const signature = fields.take(4).toString('latin1');
  if (signature !== 'OCHK') throw fields.invalid(`it does not begin with 'OCHK'`);
  return { fields, tracked };
}

function* oldMessages(fields: Fields): Generator<Message> {
  while (fields.left >= 8) {
    const [type, length, flags] = [fields.u16(), fields.u16(), fields.u8()];
    fields.skip(3);
    yield messageOf(fields, type, length, flags);
  }
}

function* newMessages(fields: Fields, tracked: boolean): Generator<Message> {
  // A gap that is too short for a message may follow the last one.
  while (fields.left >= (tracked ? 6 : 4)) {
    const [type, length, flags] = [fields.u8(), fields.u16(), fields.u8()];
    if (tracked) fields.skip(2);
    yield messageOf(fields, type, length, flags);
  }
}

function messageOf(fields: Fields, type: number, length: number, flags: number): Message {
  if (type > HIGHEST && flags & FAIL_IF_UNKNOWN) throw fields.unsupported(`has a message of type ${type}`);
  return { type, isShared: (flags & SHARED) !== 0, fields: fields.part(length, `message ${type} of ${fields.what}`) };
}
