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

/** Bits of a message's flags. */
const SHARED = 2;
const FAIL_IF_UNKNOWN = 0x80;
/** Highest number of a message in HDF5 2.0. */
const HIGHEST = 0x18;
const MOST_BLOCKS = 4096;
/** Bytes of a header's first block, nearly always. */
const MOST_ALONG = 1024;
/** Bytes in front of a message, in a header of either kind; its number of creation comes on top. */
const OLD_FRAME = 8;
const NEW_FRAME = 4;
const TRACKED = 2;

const WHAT = 'an object header';
/** What messages that are read are called, by their numbers. */
const NAMES: readonly (string | undefined)[] = Array.from({ length: HIGHEST + 1 }, (_, type) =>
  (Object.values(MESSAGE) as number[]).includes(type) ? `message ${type} of ${WHAT}` : undefined,
);

/** One message. */
export interface Message {
  type: number;
  /** Whether the body is somewhere else, and this only says where. */
  isShared: boolean;
  fields: Fields;
}

/** What stands in an object's header. */
export class ObjectHeader {
  readonly messages: Message[] = [];
  /** Bit n: there is a message of type n. */
  private types = 0;

  constructor(readonly address: number) {}

  add(message: Message): void {
    this.messages.push(message);
    this.types |= 1 << message.type;
  }

  has(type: number): boolean {
    return (this.types & (1 << type)) !== 0;
  }

  find(type: number): Message | undefined {
    if (!this.has(type)) return undefined;
    const { messages } = this;
    let i = 0;
    while (messages[i]?.type !== type) i++;
    return messages[i];
  }
}

/** Reads the header at `address`, all its blocks, as a piece of work. */
export function readObjectHeader(reader: MetadataReader, address: number): ObjectHeader {
  reader.checkRange(address, 4, WHAT);
  const start = reader.now(address, Math.min(64, reader.file.size - address), WHAT, MOST_ALONG);
  const isNew = start.isSigned('OHDR');
  const blocks: Block[] = [isNew ? firstNewBlock(reader, start) : firstOldBlock(reader, start)];
  const header = new ObjectHeader(address);
  for (const { fields, tracked } of blocks) {
    // A gap that is too short for a message may follow the last one.
    while (fields.left >= (isNew ? NEW_FRAME + (tracked ? TRACKED : 0) : OLD_FRAME)) {
      const message = isNew ? newMessage(fields, tracked) : oldMessage(fields);
      if (message === null) continue;
      if (message.type !== MESSAGE.continuation) {
        reader.spend(message.fields.byteLength, message.fields.place);
        header.add(message);
        continue;
      }
      const next = message.fields.address();
      const length = message.fields.length();
      if (next === UNDEFINED || blocks.length >= MOST_BLOCKS) throw start.invalid('its blocks lead on without end');
      blocks.push(nextBlock(reader, next, length, isNew, tracked));
    }
  }
  return header;
}

/** A run of messages. */
interface Block {
  fields: Fields;
  /** Whether each message has the number of its creation. */
  tracked: boolean;
}

function firstOldBlock(reader: MetadataReader, start: Fields): Block {
  const version = start.u8();
  if (version !== 1) throw start.invalid(`it has version ${version}; expected 1`);
  const length = start.skip(7).u32();
  return { fields: reader.rest(start.skip(4), length), tracked: false };
}

function firstNewBlock(reader: MetadataReader, start: Fields): Block {
  const flags = start.signed('OHDR', 2).u8();
  if (flags & 0x20) start.skip(16);
  if (flags & 0x10) start.skip(4);
  const length = start.uint(1 << (flags & 3));
  const fields = reader.summedNow(start.place, start.at + length + 4, start.what);
  fields.skip(start.at);
  return { fields, tracked: (flags & 4) !== 0 };
}

function nextBlock(reader: MetadataReader, address: number, length: number, isNew: boolean, tracked: boolean): Block {
  const what = 'a continued object header';
  if (!isNew) return { fields: reader.now(address, length, what), tracked };
  const fields = reader.summedNow(address, Math.max(length, 8), what);
  if (!fields.isSigned('OCHK')) throw fields.invalid(`it does not begin with 'OCHK'`);
  return { fields: fields.skip(4), tracked };
}

/** The next message; null for one that is not read. */
function oldMessage(fields: Fields): Message | null {
  const type = fields.u16();
  const length = fields.u16();
  const flags = fields.u8();
  return messageOf(fields.skip(3), type, length, flags);
}

function newMessage(fields: Fields, tracked: boolean): Message | null {
  const type = fields.u8();
  const length = fields.u16();
  const flags = fields.u8();
  return messageOf(tracked ? fields.skip(TRACKED) : fields, type, length, flags);
}

function messageOf(fields: Fields, type: number, length: number, flags: number): Message | null {
  if (type > HIGHEST && flags & FAIL_IF_UNKNOWN) throw fields.unsupported(`has a message of type ${type}`);
  const what = NAMES[type];
  if (what !== undefined) return { type, isShared: (flags & SHARED) !== 0, fields: fields.part(length, what) };
  fields.skip(length);
  return null;
}
