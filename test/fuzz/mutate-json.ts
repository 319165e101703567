import { type Dice, kNumbers } from './dice';

/** JSON whose members have an order, may occur twice, and whose values may be any text. */
export type Json = { members: [key: string, value: Json][] } | { items: Json[] } | { text: string };

const kTexts = [
  'null',
  'true',
  'false',
  '""',
  '[]',
  '{}',
  'NaN',
  'Infinity',
  '-0',
  '1e999',
  '1.5',
  '-1',
  '01',
  '"\\ud800"',
  '"\\u0000"',
  '[[]]',
  '[null]',
  '{"a":{}}',
  '"1"',
  'undefined',
  '',
];
const kStrings = [
  '',
  'a',
  '__proto__',
  'constructor',
  'toString',
  '../x',
  '/x',
  'a/../../x',
  '.',
  '..',
  'C:\\x',
  'x\0y',
  '日本',
  '\u{1f600}',
  '%2e%2e%2f',
  'x'.repeat(300),
  'None',
];

export function jsonOf(value: unknown): Json {
  if (Array.isArray(value)) return { items: value.map(jsonOf) };
  if (typeof value !== 'object' || value === null) return { text: JSON.stringify(value) ?? 'null' };
  return { members: Object.entries(value).map(([key, item]) => [key, jsonOf(item)]) };
}

export function textOf(json: Json): string {
  if ('text' in json) return json.text;
  if ('items' in json) return `[${json.items.map(textOf).join(',')}]`;
  return `{${json.members.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(',')}}`;
}

/** Strings and values of a format that are put in wrong places. */
export interface Words {
  strings?: readonly string[];
  keys?: readonly string[];
}

/** The text of `value` with one to four changes to its structure, and now and then one to the text. */
export function mutateJson(dice: Dice, value: unknown, words: Words = {}): string {
  const root = { items: [jsonOf(value)] };
  for (let i = 1 + dice.below(dice.once(3) ? 4 : 2); i > 0; i--) changeOnce(dice, root, words);
  const text = root.items.map(textOf).join('');
  if (!dice.once(12)) return text;
  const at = dice.below(text.length + 1);
  return (
    text.slice(0, at) + dice.pick([',', '}', '{', ']', '"', ' ', '\0', '\ufeff', ':']) + text.slice(at + dice.below(2))
  );
}

function changeOnce(dice: Dice, root: { items: Json[] }, words: Words): unknown {
  const places = [...placesOf(root)];
  const { parent, index } = dice.pick(places);
  const list: unknown[] = 'items' in parent ? parent.items : parent.members;
  const value = valueAt(parent, index);
  const put = (json: Json) => {
    if ('items' in parent) parent.items[index] = json;
    else (parent.members[index] as [string, Json])[1] = json;
  };
  switch (dice.below(10)) {
    case 0:
      if (list.length > 1 || parent !== root) list.splice(index, 1);
      return null;
    case 1:
      list.splice(dice.below(list.length + 1), 0, structuredClone(list[index]));
      return null;
    case 2:
      if ('members' in parent)
        (parent.members[index] as [string, Json])[0] = dice.pick([...(words.keys ?? []), ...kStrings]);
      return null;
    case 3: {
      const other = dice.pick(places);
      return put(structuredClone(valueAt(other.parent, other.index)));
    }
    case 4: {
      const depth = dice.pick([1, 3, 126, 130, 600, 5000]);
      const [open, close] = dice.pick([
        ['[', ']'],
        ['{"a":', '}'],
      ] as const);
      return put({ text: dice.once(40) ? open.repeat(depth) + textOf(value) + close.repeat(depth) : open + close });
    }
    case 5:
      if ('members' in value)
        value.members.push([dice.pick([...(words.keys ?? []), ...kStrings]), { text: dice.pick(kTexts) }]);
      else put({ text: dice.pick(kTexts) });
      return null;
    case 6:
      return put({ text: JSON.stringify(dice.pick([...(words.strings ?? []), ...kStrings])) });
    case 7:
      return put({ text: dice.pick(kTexts) });
    default: {
      const old = 'text' in value ? Number(value.text) : Number.NaN;
      const text = String(Number.isFinite(old) ? dice.number(old) : dice.pick(kNumbers));
      return put({ text: dice.once(8) ? `${text}.5` : text });
    }
  }
}

/** Every value in `root` by where it stands. */
function* placesOf(root: Json): Generator<{ parent: Exclude<Json, { text: string }>; index: number }> {
  if ('text' in root) return;
  const count = 'items' in root ? root.items.length : root.members.length;
  for (let index = 0; index < count; index++) {
    yield { parent: root, index };
    yield* placesOf(valueAt(root, index));
  }
}

function valueAt(parent: Exclude<Json, { text: string }>, index: number): Json {
  return 'items' in parent ? (parent.items[index] as Json) : (parent.members[index] as [string, Json])[1];
}
