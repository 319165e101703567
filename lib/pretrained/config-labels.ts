import { ValueError } from '../errors';
import { isContainer } from './config-json';

/** The label maps and what belongs to them. */

const problemTypes = ['regression', 'single_label_classification', 'multi_label_classification'];

/** @throws ValueError unless it is null or one of the three */
export function checkProblemType(value: unknown): void {
  if (value == null || problemTypes.includes(value as string)) return;
  throw new ValueError(
    `The config parameter \`problem_type\` was not understood: received ${String(value)} but only 'regression', ` +
      "'single_label_classification' and 'multi_label_classification' are valid.",
  );
}

/** A larger number of labels is a damaged file's: each gets a name. */
const MOST_LABELS = 1_000_000;

/** Names for `count` labels. @throws ValueError unless it is a whole number from 0 to a million */
export function labelsFor(count: number): { id2label: Record<number, string>; label2id: Record<string, number> } {
  if (!Number.isSafeInteger(count) || count < 0 || count > MOST_LABELS)
    throw new ValueError(
      `num_labels is ${JSON.stringify(count)}; it must be a whole number, 0 or more, and at most ${MOST_LABELS}`,
    );
  const names = Array.from({ length: count }, (_, id) => `LABEL_${id}`);
  return {
    id2label: Object.fromEntries(names.map((name, id) => [id, name])),
    label2id: Object.fromEntries(names.map((name, id) => [name, id])),
  };
}

/** `value` as a dictionary with integer keys. @throws ValueError when it is none */
export function integerKeys<T>(name: string, value: unknown): Record<number, T> {
  if (!isContainer(value) || Array.isArray(value)) throw new ValueError(`Argument ${name} should be a dictionary.`);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [integer(name, key), item])) as Record<
    number,
    T
  >;
}

function integer(name: string, key: string): string {
  if (/^\s*[+-]?\d+\s*$/.test(key)) return String(Number(key));
  throw new ValueError(`${name} has the key '${key}'; its keys must be whole numbers`);
}

/** @throws ValueError when `num_labels` and `id2label` of overrides disagree */
export function checkLabelOverrides({ num_labels, id2label }: Record<string, unknown>): void {
  if (num_labels === undefined || id2label === undefined) return;
  const size = isContainer(id2label) ? Object.keys(id2label).length : 0;
  if (size === num_labels) return;
  throw new ValueError(
    `You passed along \`num_labels=${String(num_labels)}\` with an incompatible id to label map: ` +
      `${JSON.stringify(id2label)}. Since those arguments are inconsistent with each other, you should remove one of them.`,
  );
}
