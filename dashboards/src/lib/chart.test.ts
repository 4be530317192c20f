import { describe, expect, test } from 'vitest';
import { describeChart, draw, escapeHtml, tooltipHtml, type Palette } from './chart';
import type { Chart } from './series';

const PALETTE: Palette = {
  surface: '#fff',
  text: '#000',
  muted: '#666',
  grid: '#ddd',
  gap: '#eee',
  font: 'sans-serif',
};
const START = Date.parse('2026-01-31T18:00:00Z');
const CHART: Chart = {
  stepSeconds: 10,
  interval: { from: START, to: START + 20_000 },
  starts: [START, START + 10_000],
  layers: [
    { category: 'p2p', in: [1_234_567, null], out: [3000, null] },
    { category: '<img src=x onerror=alert(1)>', in: [1, null], out: [0, null] },
    { category: 'unknown', in: [0, null], out: [5, null] },
  ],
  total: { in: [1_234_568, null], out: [3005, null] },
  gaps: [{ from: START + 10_000, to: START + 20_000 }],
  unobserved: 1,
};

interface Drawn {
  id: string;
  stack?: string;
  itemStyle?: { decal?: unknown };
  markArea?: { data: unknown[] };
}
const drawn = (hidden: string[]) =>
  draw(CHART, new Set(hidden), PALETTE, 'utc').options.series as Drawn[];

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

  test('leaves out what is hidden', () => {
    expect(drawn(['p2p']).some(({ id }) => id.startsWith('p2p'))).toBe(false);
  });
});

describe('the tooltip', () => {
  const html = tooltipHtml(CHART, 0, new Set(['unknown']), 'utc');

  test('has every digit of every category and of the totals', () => {
    expect(html).toContain('18:00:00 – 18:00:10');
    expect(html).toContain('1\u202f234\u202f567');
    expect(html).toContain('1\u202f234\u202f568');
    expect(html).toContain('3\u202f005');
    expect(html).toMatch(/<tr class="off"><th>.*Unknown/);
  });

  test('makes no markup of names', () => expect(html).not.toContain('<img'));

  test('says that nothing was observed', () => {
    expect(tooltipHtml(CHART, 1, new Set(), 'utc')).toContain('Not observed');
    expect(tooltipHtml(CHART, 9, new Set(), 'utc')).toBe('');
  });
});

test('the description names the peaks and the gaps', () => {
  const text = describeChart(CHART, 'utc').replaceAll('\u00a0', ' ');
  expect(text).toContain('Highest rate in 1.23 Mbit/s, out 3.00 kbit/s.');
  expect(text).toContain('No data from 18:00:10 to 18:00:20.');
});

test('escaping', () =>
  expect(escapeHtml(`<a b="c">&'`)).toBe('&#60;a b=&#34;c&#34;&#62;&#38;&#39;'));
