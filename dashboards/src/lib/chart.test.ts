import { describe, expect, test } from 'vitest';
import { escapeHtml, type Palette } from './axes';
import { describeChart, draw, tooltipHtml, type Style } from './chart';
import type { Chart, Layer, Rates } from './series';

const PALETTE: Palette = {
  surface: '#fff',
  text: '#000',
  muted: '#666',
  grid: '#ddd',
  gap: '#eee',
  neutral: '#aaa',
  accent: '#00f',
  soft: '#88f',
  alarm: '#f00',
  font: 'sans-serif',
};
const START = Date.parse('2026-01-31T18:00:00Z');

function layer(key: string, incoming: Rates, out: Rates, hatched = false): Layer {
  return {
    ...{ key, values: [key], label: key, colour: '#123456', hatched, in: incoming, out },
    before: { in: incoming, out },
    statistics: { in: null, out: null },
    totals: { in: null, out: null },
  };
}

const CHART: Chart = {
  measure: 'bits',
  mirrored: true,
  stepSeconds: 10,
  interval: { from: START, to: START + 20_000 },
  starts: [START, START + 10_000],
  layers: [
    layer('p2p', [1_234_567, null], [3000, null]),
    layer('<img src=x onerror=alert(1)>', [1, null], [0, null]),
    layer('unknown', [0, null], [5, null], true),
  ],
  total: { in: [1_234_568, null], out: [3005, null] },
  before: null,
  gaps: [{ from: START + 10_000, to: START + 20_000 }],
  unobserved: 1,
};
const style = (hidden: string[], change: Partial<Style> = {}): Style => ({
  mode: 'stacked',
  hidden: new Set(hidden),
  ...change,
});
const FRAME = { palette: PALETTE, zone: 'utc', width: 800 };

interface Drawn {
  id: string;
  data?: [number, number | null][];
  lineStyle?: { type?: unknown };
  stack?: string;
  itemStyle?: { decal?: unknown };
  markArea?: { data: unknown[] };
}
const drawn = (hidden: string[], change: Partial<Style> = {}, chart = CHART) =>
  draw(chart, style(hidden, change), FRAME).options.series as Drawn[];

describe('the chart', () => {
  test('stacks in and out apart, both on one scale', () => {
    expect(drawn([]).map(({ id, stack }) => [id, stack])).toContainEqual(['p2p out', 'out']);
    expect(drawn([]).filter(({ stack }) => stack === 'in')).toHaveLength(3);
  });

  test('hatches unknown only', () => {
    const hatched = drawn([]).filter(({ itemStyle }) => itemStyle?.decal);
    expect(hatched.map(({ id }) => id)).toEqual(['unknown in', 'unknown out']);
  });

  test('says “no data” where there is room for it', () => {
    const { markArea } = drawn([]).find(({ id }) => id === 'marks') ?? {};
    expect(markArea?.data).toEqual([
      [{ xAxis: START + 10_000, name: 'no data' }, { xAxis: START + 20_000 }],
    ]);
  });

  test('in parts of the whole every bucket is full, each way', () => {
    const share = drawn([], { mode: 'share' });
    const at = (way: string) =>
      share
        .filter(({ id }) => id.endsWith(` ${way}`))
        .reduce((sum, { data }) => sum + (data?.[1]?.[1] ?? 0), 0);
    expect(at('in')).toBeCloseTo(1, 12);
    expect(at('out')).toBeCloseTo(-1, 12);
  });

  test('lines are not stacked; the period before is dashed', () => {
    const chart = { ...CHART, before: CHART.total };
    const lines = drawn(['p2p'], { mode: 'lines' }, chart);
    expect(lines.every(({ stack }) => stack === undefined)).toBe(true);
    const before = lines.filter(({ id }) => id.startsWith('before '));
    expect(before).toHaveLength(4);
    expect(before.every(({ lineStyle }) => Array.isArray(lineStyle?.type))).toBe(true);
    expect(drawn([], {}, chart).filter(({ id }) => id.startsWith('before '))).toHaveLength(2);
  });

  test('a band lies between its low and its high', () => {
    const expected = { baseline: [10, 20], low: [5, 15], high: [15, 30] };
    const band = { starts: CHART.starts, stepSeconds: 10, in: expected, out: null };
    const of = (name: string) => drawn([], { band }).find(({ id }) => id === name)?.data;
    expect(of('low in')?.map(([, y]) => y)).toEqual([5, 5, 15, 15]);
    expect(of('band in')?.map(([, y]) => y)).toEqual([10, 10, 15, 15]);
    expect(of('low out')).toBeUndefined();
  });

  test('leaves out what is hidden', () => {
    expect(drawn(['p2p']).some(({ id }) => id.startsWith('p2p'))).toBe(false);
  });
});

describe('the tooltip', () => {
  const html = tooltipHtml(CHART, 0, style(['unknown']), 'utc');

  test('has every digit of every category and of the totals', () => {
    expect(html).toContain('18:00:00 – 18:00:10');
    expect(html).toContain('1\u202f234\u202f567');
    expect(html).toContain('1\u202f234\u202f568');
    expect(html).toContain('3\u202f005');
    expect(html).toMatch(/<tr class="off"><th>.*unknown/);
  });

  test('makes no markup of names', () => expect(html).not.toContain('<img'));

  test('says that nothing was observed', () => {
    expect(tooltipHtml(CHART, 1, style([]), 'utc')).toContain('Not observed');
    expect(tooltipHtml(CHART, 9, style([]), 'utc')).toBe('');
  });
});

test('the description names the peaks and the gaps', () => {
  const text = describeChart(CHART, 'Traffic', 'utc').replaceAll('\u00a0', ' ');
  expect(text).toContain('Highest rate in 1.23 Mbit/s, out 3.00 kbit/s.');
  expect(text).toContain('No data from 18:00:10 to 18:00:20.');
});

test('escaping', () =>
  expect(escapeHtml(`<a b="c">&'`)).toBe('&#60;a b=&#34;c&#34;&#62;&#38;&#39;'));
