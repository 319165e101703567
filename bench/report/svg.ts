import { DISTURBED } from '../figures';
import { type BenchResult, OURS } from '../result';
import { type Roof, roofOf } from '../roofline';

/** One group of bars: the same work by every engine. */
interface Group {
  title: string;
  unit: string;
  bars: { name: string; value: number }[];
  /** What the machine could do at most. */
  limit: number | null;
}

const WIDTH = 760;
const LEFT = 200;
const RIGHT = 24;
const BAR = 18;
const GAP = 5;
const TITLE = 28;
const LINE = 16;

/** A picture of speed: a group of bars for every model and job, ours in colour, the machine's limit as a line. */
export function speedSvg(result: BenchResult): string {
  let y = 64;
  const drawn: string[] = [];
  for (const group of groupsOf(result)) {
    drawn.push(drawGroup(group, y));
    y += TITLE + group.bars.length * (BAR + GAP) + 14;
  }
  const foot = footLines(result);
  const height = y + foot.length * LINE + 14;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>Speed of native-transformers beside its peers</title>
<style>
  svg { font: 13px system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif }
  text { fill: #1f2328 } .soft { fill: #59636e } .small { font-size: 11px } .bold { font-weight: 600 } .end { text-anchor: end }
  .ours { fill: #0969da } .peer { fill: #c8d1da } .limit { stroke: #bc4c00; stroke-width: 1.5; stroke-dasharray: 4 3 } .inside { fill: #ffffff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .soft { fill: #9198a1 } .ours { fill: #1f6feb } .peer { fill: #3d444d } .limit { stroke: #f0883e }
  }
</style>
<text x="16" y="26" class="bold" font-size="15">From texts to vectors on a CPU: longer is faster</text>
<line x1="16" y1="42" x2="40" y2="42" class="limit"/>
<text x="48" y="46" class="soft small">the most that this machine's multiply-adds and memory allow, measured in the same run</text>
${drawn.join('\n')}
${foot.map((line, i) => `<text x="16" y="${y + 10 + LINE * i}" class="soft small">${escapeText(line)}</text>`).join('\n')}
</svg>
`;
}

function footLines({ machine, isa, threads, versions, models, jobs }: BenchResult): string[] {
  const engines = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const half = Math.ceil(engines.length / 2);
  const busy = [...models, ...jobs].some(({ samples }) => Object.values(samples).some((s) => s.waited > DISTURBED));
  return [
    `${busy ? 'Measured on a busy machine: ' : ''}float32 on ${threads} threads of ${machine.cpu}, ${isa}, Node ${machine.node}, ${machine.date.slice(0, 10)}; medians of turns that interleave`,
    engines.slice(0, half).join(', '),
    engines.slice(half).join(', '),
  ].filter((line) => line !== '');
}

function drawGroup({ title, unit, bars, limit }: Group, top: number): string {
  const longest = Math.max(limit ?? 0, ...bars.map((bar) => bar.value));
  const scale = (WIDTH - LEFT - RIGHT) / longest;
  const lines = [
    `<text x="16" y="${top + 16}"><tspan class="bold">${escapeText(title)}</tspan><tspan class="soft" dx="8">${unit}</tspan></text>`,
  ];
  bars.forEach(({ name, value }, i) => {
    const y = top + TITLE + i * (BAR + GAP);
    const width = Math.max(1, value * scale);
    const own = name === OURS;
    const label = count(value);
    const outside = longest * scale - width > 12 + 8 * label.length;
    const x = (LEFT + width + (outside ? 6 : -6)).toFixed(1);
    const colour = outside ? (own ? 'bold' : 'soft') : own ? 'bold inside end' : 'end';
    lines.push(
      `<text x="${LEFT - 8}" y="${y + 13}" class="end ${own ? 'bold' : 'soft'}">${escapeText(name)}</text>`,
      `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" class="${own ? 'ours' : 'peer'}"/>`,
      `<text x="${x}" y="${y + 13}" class="${colour}">${label}</text>`,
    );
  });
  if (limit !== null) {
    const x = (LEFT + limit * scale).toFixed(1);
    const bottom = top + TITLE + bars.length * (BAR + GAP);
    lines.push(`<line x1="${x}" y1="${top + TITLE - 4}" x2="${x}" y2="${bottom - 1}" class="limit"/>`);
  }
  return lines.join('\n');
}

function groupsOf({ models, jobs, limits, isa, threads }: BenchResult): Group[] {
  const roof = limits && roofOf(limits, isa, threads);
  const group = (
    title: string,
    unit: string,
    amount: number,
    work: { flops: number; bytes: number },
    samples: Record<string, { median: number }>,
  ): Group => ({
    title,
    unit,
    bars: Object.entries(samples)
      .map(([name, { median }]) => ({ name, value: (1000 * amount) / median }))
      .sort((a, b) => b.value - a.value),
    limit: roof ? amount / leastSeconds(work, roof) : null,
  });
  return [
    ...models.map((m) =>
      group(`${m.model}, ${m.batch} × ${m.length} tokens`, 'tokens/s', m.batch * m.length, m, m.samples),
    ),
    ...jobs.map((j) => group(`${j.rows} texts of mixed length, ${j.model}`, 'texts/s', j.rows, j, j.samples)),
  ];
}

function leastSeconds({ flops, bytes }: { flops: number; bytes: number }, { gflops, gbps }: Roof): number {
  return Math.max(flops / gflops, bytes / gbps) / 1e9;
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
