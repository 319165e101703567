/** Makes safetensors files that are almost right: a valid file from a seed, then a few changes that know its structure. */

/** A small, fast, seedable generator of numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Entry fields as JSON text, so that a change can put anything there. */
interface Field {
  key: string;
  value: string;
}

interface Entry {
  name: string;
  fields: Field[] | null;
  value: string;
}

interface Draft {
  before: string;
  after: string;
  entries: Entry[];
  dataBytes: number;
  lengthShift: bigint;
}

const BITS: Record<string, number> = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};
const TAGS = Object.keys(BITS);
const NUMBERS = [
  '0',
  '1',
  '2',
  '3',
  '4',
  '7',
  '8',
  '16',
  '255',
  '256',
  '4294967295',
  '4294967296',
  '281474976710656',
  '281474976710657',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '18446744073709551615',
  '18446744073709551616',
  '99999999999999999999999',
  '-1',
  '-0',
  '0.0',
  '1.0',
  '1e0',
  '1E2',
  '01',
  '+1',
  '.5',
  '1.',
  '1e',
  '0x10',
  'NaN',
  'Infinity',
  '"1"',
  'null',
  'true',
  '[1]',
  '{}',
  '',
];
const NAMES = [
  '""',
  '"a"',
  '"\\u0061"',
  '"b"',
  '"__metadata__"',
  '"\\u005f_metadata__"',
  '"__proto__"',
  '"constructor"',
  '"0"',
  '"10"',
  '"a\\u0000b"',
  '"\\ud83d\\ude00"',
  '"\\ud800"',
  '"\\udc00"',
  '"\\ud800\\u0041"',
  '"é"',
  '"日本"',
  '"a\\/b"',
  '"\\x"',
  '"\u007f"',
  '"\u2028"',
  'a',
  "'a'",
  '"a',
  '1',
  'null',
];
const VALUES = [
  'null',
  'true',
  'false',
  'tru',
  '0',
  '-0.5e+10',
  '1e999',
  '-1e-999',
  '""',
  '"x"',
  '[]',
  '[1,2]',
  '[1,]',
  '[,]',
  '{}',
  '{"a":1}',
  '{"a":1,}',
  '{"a":1,"a":2}',
  '{a:1}',
  '{"a"}',
  '[[[[]]]]',
  '{"a":[{"b":[]}]}',
  '"\\ud800"',
  '"\t"',
  '/*x*/1',
  'undefined',
];
const KEYS = [
  '"dtype"',
  '"shape"',
  '"data_offsets"',
  '"dtypes"',
  '"\\u0064type"',
  '"x"',
  '"__metadata__"',
  '""',
  'dtype',
];
const SPACES = [' ', '\n', '\t', '\r', '   ', '\0', '\f', '\v', '\u00a0', '\ufeff', ',', '}', '{', 'x', '//', '"'];

/** The bytes of file number `seed`. About a tenth are left valid. */
export function mutant(seed: number): Buffer {
  const random = seededRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const draft = validDraft(below, pick);
  const changes = below(10) === 0 ? 0 : 1 + below(3);
  for (let i = 0; i < changes; i++) change(draft, below, pick);
  const file = assemble(draft);
  return below(8) === 0 ? changeBytes(file, below, pick) : file;
}

type Below = (n: number) => number;
type Pick = <T>(list: readonly T[]) => T;

function validDraft(below: Below, pick: Pick): Draft {
  const entries: Entry[] = [];
  let offset = 0;
  const count = below(6);
  for (let i = 0; i < count; i++) {
    const tag = pick(TAGS);
    const shape = Array.from({ length: below(4) }, () => pick([0, 1, 2, 3, 4, 8]));
    let bits = shape.reduce((a, b) => a * b, BITS[tag] as number);
    if (bits % 8 !== 0) bits *= shape.push(8) > 0 ? 8 : 1;
    const end = offset + bits / 8;
    entries.push({
      name: JSON.stringify(pick(['a', 'b', 'w', 'x.y', '日', '']) + i),
      fields: [
        { key: '"dtype"', value: `"${tag}"` },
        { key: '"shape"', value: `[${shape.join(',')}]` },
        { key: '"data_offsets"', value: `[${offset},${end}]` },
      ],
      value: '',
    });
    offset = end;
  }
  if (below(2))
    entries.splice(below(entries.length + 1), 0, { name: '"__metadata__"', fields: null, value: '{"format":"pt"}' });
  return { before: '', after: ' '.repeat(below(8)), entries, dataBytes: offset, lengthShift: 0n };
}

function change(draft: Draft, below: Below, pick: Pick): void {
  const { entries } = draft;
  const entry = entries.length > 0 ? pick(entries) : undefined;
  const field = entry?.fields && entry.fields.length > 0 ? pick(entry.fields) : undefined;
  switch (below(16)) {
    case 0:
    case 1:
    case 2:
      if (field) field.value = changeNumber(field.value, below, pick);
      return;
    case 3:
      if (field)
        field.value = pick([`"${pick(TAGS)}"`, '"f32"', '"F128"', '"F8_E4M3FN"', pick(VALUES), `[${pick(NUMBERS)}]`]);
      return;
    case 4:
      if (entry) entry.name = pick([...NAMES, pick(entries).name]);
      return;
    case 5:
      entry?.fields?.splice(below(entry.fields.length + 1), below(2), { key: pick(KEYS), value: pick(VALUES) });
      return;
    case 6:
      if (field) entry?.fields?.splice(below(4), 0, { ...field });
      return;
    case 7:
      if (entry) entries.splice(below(entries.length + 1), 0, structuredClone(entry));
      return;
    case 8:
      if (entry) entries.splice(entries.indexOf(entry), 1);
      return;
    case 9:
      entries.sort(() => below(3) - 1);
      return;
    case 10:
      entries.push({ name: pick(NAMES), fields: null, value: pick(VALUES) });
      return;
    case 11: {
      const depth = 120 + below(12);
      entry?.fields?.push({
        key: '"deep"',
        value: pick(['[', '{"":']).repeat(depth) + (below(3) ? ']'.repeat(depth) : ''),
      });
      return;
    }
    case 12:
      entries.push({
        name: '"__metadata__"',
        fields: null,
        value: pick([
          'null',
          '{}',
          '{"a":1}',
          '{"a":"1","a":"2"}',
          '[]',
          '"x"',
          '{"a":"\\ud800"}',
          '{"a":null}',
          '{"a":"b","c":"d"}',
        ]),
      });
      return;
    case 13:
      draft.dataBytes = Math.max(0, draft.dataBytes + pick([-8, -1, 1, 8, -1000, 4096]));
      return;
    case 14:
      draft.lengthShift += pick([-1n, 1n, -8n, 8n, 1n << 32n, (1n << 63n) - 1n, 100_000_000n]);
      return;
    default:
      if (below(2)) draft.before = pick(SPACES) + draft.before;
      else draft.after += pick(SPACES);
  }
}

/** Replaces one of the numbers in `text`. */
function changeNumber(text: string, below: Below, pick: Pick): string {
  const numbers = [...text.matchAll(/\d+/g)];
  if (numbers.length === 0) return pick(['[', '[1', '[[]]', '[0]', '[0,0]', '[0,0,0]']);
  const { index, 0: old } = pick(numbers);
  const near = [String(Number(old) + 1), String(Math.max(0, Number(old) - 1)), String(Number(old) * 2)];
  const replacement = below(2) ? pick(near) : pick(NUMBERS);
  return text.slice(0, index) + replacement + text.slice(index + old.length);
}

function assemble(draft: Draft): Buffer {
  const entries = draft.entries.map(({ name, fields, value }) =>
    fields ? `${name}:{${fields.map((field) => `${field.key}:${field.value}`).join(',')}}` : `${name}:${value}`,
  );
  const json = Buffer.from(`${draft.before}{${entries.join(',')}}${draft.after}`);
  const file = Buffer.alloc(8 + json.byteLength + draft.dataBytes, 0x5a);
  file.writeBigUInt64LE(BigInt.asUintN(64, BigInt(json.byteLength) + draft.lengthShift));
  json.copy(file, 8);
  return file;
}

function changeBytes(file: Buffer, below: Below, pick: Pick): Buffer {
  const at = below(file.byteLength + 1);
  const bytes = Buffer.from(
    pick(['\0', ' ', '"', '\\', '{', '}', '[', ']', ',', ':', '0', '9', '-', 'e', '.', '\ufeff', '\u{1f600}']),
  );
  switch (below(5)) {
    case 0:
      return file.subarray(0, at);
    case 1:
      return Buffer.concat([file, bytes]);
    case 2:
      return Buffer.concat([file.subarray(0, at), bytes, file.subarray(at)]);
    case 3:
      return Buffer.concat([file.subarray(0, at), file.subarray(at + 1 + below(4))]);
    default: {
      const copy = Buffer.from(file);
      if (at < copy.byteLength) copy[at] = below(256);
      return copy;
    }
  }
}
