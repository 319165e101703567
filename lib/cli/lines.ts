import type { Writable } from 'node:stream';
import { inTurns, type Steps, visitInSteps } from '../turns';

/** Texts of many lines, a list of them each, that are made and written while other events are let in. */

/** Characters that are gathered before they are written. */
const kGathered = 2 ** 16;

/** Writes lines, each with its end. */
export function writeLines(stream: Writable, lines: readonly string[]): Promise<void> {
  return inTurns(writeInSteps(stream, lines));
}

function* writeInSteps(stream: Writable, lines: readonly string[]): Steps<void> {
  let gathered = '';
  for (const line of lines) {
    gathered += `${line}\n`;
    if (gathered.length < kGathered) continue;
    stream.write(gathered);
    gathered = '';
    yield;
  }
  if (gathered !== '') stream.write(gathered);
}

/** The lines of `JSON.stringify(value, null, 2)`; what lies deeper than the members of lists may be several in one. */
export function* jsonLines(value: object): Steps<string[]> {
  const lines = ['{'];
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const name = `  ${JSON.stringify(key)}: `;
    if (Array.isArray(member) && member.length > 0) {
      lines.push(`${name}[`);
      yield* visitInSteps(member, (item) => lines.push(`    ${indented(item, '    ')},`));
      endList(lines);
      lines.push('  ],');
    } else lines.push(`${name}${indented(member, '  ')},`);
  }
  if (lines.length === 1) return ['{}'];
  endList(lines);
  lines.push('}');
  return lines;
}

/** Takes the comma from the last line. */
function endList(lines: string[]): void {
  lines.push((lines.pop() as string).slice(0, -1));
}

function indented(value: unknown, indent: string): string {
  if (typeof value === 'string') return JSON.stringify(value); // which may have millions of characters, and has one line
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`);
}
