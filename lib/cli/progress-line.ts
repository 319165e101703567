import { grouped } from '../jobs/numbers';
import type { Progress } from '../jobs/progress';

const BAR = 24;

/** One line that fits `columns`: bar, share, rows, rates, time left, failures. */
export function progressLine(verb: string, progress: Progress, columns: number, colour: boolean): string {
  const { rows, skipped, failed, rowsPerSecond, tokensPerSecond, share, etaSeconds } = progress;
  const facts = [
    share === null ? null : `${Math.floor(100 * share)} %`.padStart(5),
    `${grouped(rows + skipped)} rows`,
    `${compact(rowsPerSecond)} rows/s`,
    `${compact(tokensPerSecond)} tok/s`,
    etaSeconds === null ? null : `ETA ${timeLeft(etaSeconds)}`,
    failed === 0 ? null : `${grouped(failed)} failed`,
  ].filter((fact) => fact !== null);
  const bar = share === null ? '' : `${drawBar(share, colour)} `;
  const text = `${verb}  ${facts.join('  ')}`;
  const room = columns - 1;
  // the bar goes first when the line is too long, as it says least
  if (text.length + 1 + (bar === '' ? 0 : BAR + 1) > room) return text.slice(0, room);
  return `${verb}  ${bar}${facts.join('  ')}`;
}

/** `59 s`, `3 min 12 s`, `2 h 5 min`. */
export function timeLeft(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

function drawBar(share: number, colour: boolean): string {
  const full = Math.round(Math.min(1, share) * BAR);
  const done = '━'.repeat(full);
  const rest = '─'.repeat(BAR - full);
  return colour ? `\x1b[36m${done}\x1b[90m${rest}\x1b[0m` : `${done}${rest}`;
}

/** `311`, `8.2k`, `1.4M`. */
function compact(value: number): string {
  if (value < 10) return value.toFixed(1);
  if (value < 1000) return String(Math.round(value));
  return value < 1e6 ? `${(value / 1e3).toFixed(1)}k` : `${(value / 1e6).toFixed(1)}M`;
}
