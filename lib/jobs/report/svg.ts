/** Pictures as SVG text: coloured by CSS classes, so that one picture serves light and dark pages. */

import { grouped } from '../numbers';

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 64;
const RIGHT = 16;
const TOP = 12;
const BOTTOM = 40;

/** A bar between two places of the x axis. */
export interface Bar {
  from: number;
  to: number;
  value: number;
  /** Shown when pointed at. */
  title: string;
}

export interface Axis {
  label: string;
  format: (value: number) => string;
}

/** Bars side by side on a linear axis from 0: a histogram, or a rate over time. */
export function barChart(title: string, bars: readonly Bar[], x: Axis, y: Axis): string {
  const first = bars[0]?.from ?? 0;
  const last = bars.at(-1)?.to ?? 1;
  const top = ticks(Math.max(...bars.map(({ value }) => value), 0)).at(-1)!;
  const atX = (value: number) => LEFT + ((value - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const atY = (value: number) => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const grid = ticks(top).map((tick) => gridLine(atY(tick), y.format(tick)));
  const rects = bars.map((bar) => {
    const left = atX(bar.from);
    const width = Math.max(0.5, atX(bar.to) - left - 1);
    const height = atY(0) - atY(bar.value);
    return rect(left, atY(bar.value), width, height, bar.title);
  });
  const marks = ticks(last - first).map((tick) => xMark(atX(first + tick), x.format(first + tick)));
  return picture(title, HEIGHT, [...grid, ...rects, ...marks, axisLabels(x.label, y.label)]);
}

/** A horizontal bar for each name, with its number behind it. */
export function nameChart(title: string, counts: readonly (readonly [string, number])[]): string {
  const row = 26;
  const left = 200;
  const most = Math.max(1, ...counts.map(([, value]) => value));
  const rows = counts.flatMap(([name, value], at) => {
    const y = TOP + at * row;
    const width = Math.max(1, (value / most) * (WIDTH - left - 100));
    return [
      `<text class="name" x="${left - 8}" y="${y + 15}" text-anchor="end">${escape(clip(name, 28))}</text>`,
      rect(left, y + 2, width, row - 8, `${name}: ${value}`),
      `<text class="tick" x="${round(left + width + 6)}" y="${y + 15}">${grouped(value)}</text>`,
    ];
  });
  return picture(title, 2 * TOP + counts.length * row, rows);
}

/** Round numbers from 0 to at or just above `most`. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough)!;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, at) => Number((at * step).toPrecision(12)));
}

/** Text that may stand in HTML and SVG. */
export function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

function picture(title: string, height: number, content: readonly string[]): string {
  const frame = `viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escape(title)}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${frame}>${content.join('')}</svg>`;
}

function rect(x: number, y: number, width: number, height: number, title: string): string {
  const box = `x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(Math.max(0, height))}"`;
  return `<rect class="bar" ${box}><title>${escape(title)}</title></rect>`;
}

function gridLine(y: number, label: string): string {
  const line = `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(y)}" y2="${round(y)}"/>`;
  return `${line}<text class="tick" x="${LEFT - 8}" y="${round(y + 4)}" text-anchor="end">${escape(label)}</text>`;
}

function xMark(x: number, label: string): string {
  if (x > WIDTH - RIGHT + 1) return '';
  const y = HEIGHT - BOTTOM + 16;
  return `<text class="tick" x="${round(x)}" y="${y}" text-anchor="middle">${escape(label)}</text>`;
}

function axisLabels(x: string, y: string): string {
  const below = `<text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escape(x)}</text>`;
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  return `${below}<text class="label" x="12" y="${middle}" text-anchor="middle" transform="rotate(-90 12 ${middle})">${escape(y)}</text>`;
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
