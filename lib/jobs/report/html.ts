import { byteSize, grouped } from '../numbers';
import type { Report } from './report';
import { type Bar, barChart, escape, nameChart } from './svg';

const MAX_NAMES = 20;

/** `report.html`: one file without scripts, that fetches nothing. */
export function reportHtml(report: Report): string {
  const title = `${report.task}: ${grouped(report.rows)} rows`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${figures(report)}
${sections(report).join('\n')}
</body>
</html>
`;
}

function figures(report: Report): string {
  const cells = [
    ['rows', grouped(report.rows)],
    ['failed', grouped(report.failed)],
    ['tokens', grouped(report.tokens)],
    ['time', duration(report.seconds)],
    ['rows/s', rate(report.rows_per_second)],
    ['tokens/s', rate(report.tokens_per_second)],
    ['parts', grouped(report.parts)],
    ['written', byteSize(report.bytes)],
  ];
  const items = cells.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return `<dl>${items.join('')}</dl>`;
}

function sections(report: Report): string[] {
  const parts = [
    section('Throughput over time', throughput(report)),
    section('Length of the rows', lengths(report)),
    section('Errors by code', report.errors.length === 0 ? '<p>None.</p>' : names('Errors by code', report.errors)),
  ];
  if (report.labels.length > 0) parts.push(section('Rows by label', names('Rows by label', report.labels)));
  return parts;
}

function section(title: string, content: string): string {
  return `<section><h2>${title}</h2>${content}</section>`;
}

function throughput({ throughput: { seconds, rows, tokens } }: Report): string {
  if (rows.length === 0) return '<p>No rows.</p>';
  const bars: Bar[] = rows.map((count, at) => ({
    from: at * seconds,
    to: (at + 1) * seconds,
    value: count / seconds,
    title: `${duration(at * seconds)}: ${rate(count / seconds)} rows/s, ${rate(tokens[at]! / seconds)} tokens/s`,
  }));
  const x = { label: 'time since the first row', format: duration };
  return barChart('Throughput over time', bars, x, { label: 'rows/s', format: rate });
}

function lengths({ lengths: { from, to, counts } }: Report): string {
  if (counts.length === 0) return '<p>No rows.</p>';
  const bars: Bar[] = counts.map((value, at) => ({
    from: from[at]!,
    to: to[at]!,
    value,
    title: `${from[at]} to ${to[at]! - 1} tokens: ${grouped(value)} rows`,
  }));
  const x = { label: 'tokens, after truncation', format: grouped };
  return barChart('Length of the rows', bars, x, { label: 'rows', format: grouped });
}

function names(title: string, counts: readonly [string, number][]): string {
  const chart = nameChart(title, counts.slice(0, MAX_NAMES));
  return counts.length > MAX_NAMES ? `${chart}<p>and ${counts.length - MAX_NAMES} more in report.json</p>` : chart;
}

function rate(value: number): string {
  return value >= 100 ? grouped(value) : value.toPrecision(3).replace(/\.?0+$/, '');
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6474; --line: #dfe3ea; --bar: #2f6fdb; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --soft: #9aa4b5; --line: #2c3442; --bar: #6ea1ff; --page: #12161d; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 760px; margin: 32px auto; padding: 0 16px; }
h1 { font-size: 24px; } h2 { font-size: 17px; margin: 32px 0 8px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 12px; }
dl div { border: 1px solid var(--line); border-radius: 8px; padding: 8px 12px; }
dt { color: var(--soft); font-size: 13px; } dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; display: block; }
.bar { fill: var(--bar); } .bar:hover { opacity: .75; } .grid { stroke: var(--line); }
text { fill: var(--soft); font: 12px system-ui, sans-serif; } .name { fill: var(--ink); }
`;
