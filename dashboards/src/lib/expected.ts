/** A series against what it should hold, as ECharts options. Pure. */

import type { EChartsCoreOption } from 'echarts/core';
import type { Expected } from './api';
import { baseOptions, escapeHtml, marks, timeAxis, valueAxis, type Frame } from './axes';
import { t } from './i18n.svelte';
import { coordinates, pointsOf, type Rates } from './series';
import { formatInterval, type Interval, type Millis } from './time';
import { formatAxisRate, formatChange, formatRate } from './units';

/** A moment worth a line of its own. */
export interface Moment {
  at: Millis;
  label: string;
}

export function spanOf(expected: Expected): Interval {
  const starts = expected.times.map((text) => Date.parse(text));
  return { from: starts[0] ?? 0, to: (starts.at(-1) ?? 0) + expected.step * 1000 };
}

export function gapsIn(expected: Expected): Interval[] {
  const step = expected.step * 1000;
  const gaps: Interval[] = [];
  expected.values.forEach((value, at) => {
    if (value !== null) return;
    const from = Date.parse(expected.times[at] ?? '');
    const last = gaps.at(-1);
    if (last && last.to === from) last.to = from + step;
    else gaps.push({ from, to: from + step });
  });
  return gaps;
}

export function drawExpected(
  expected: Expected,
  moments: readonly Moment[],
  alarm: boolean,
  frame: Frame,
): EChartsCoreOption {
  const { palette, zone } = frame;
  const starts = expected.times.map((text) => Date.parse(text));
  const step = expected.step * 1000;
  const interval = spanOf(expected);
  const some: Rates = expected.values.map((value, at) => value ?? expected.baseline[at] ?? null);
  const points = pointsOf(starts, step, some);
  const line = (id: string, rates: Rates, more: object) => ({
    id,
    type: 'line',
    symbol: 'none',
    silent: true,
    data: coordinates(points, rates, 'in'),
    ...more,
  });
  const width = expected.high.map((high, at) => {
    const low = expected.low[at];
    return high === null || low === null || low === undefined ? null : high - low;
  });
  const colour = alarm ? palette.alarm : palette.accent;
  const missing = lostBetween(expected);
  return {
    ...baseOptions(frame),
    xAxis: timeAxis(interval, frame),
    yAxis: valueAxis(frame, formatAxisRate, { min: 0 }),
    tooltip: {
      ...(baseOptions(frame).tooltip as object),
      formatter: (parameters: unknown) => {
        const [first] = parameters as { dataIndex: number }[];
        const bucket = points[first?.dataIndex ?? -1]?.bucket;
        return bucket === undefined ? '' : tooltip(expected, bucket, zone);
      },
    },
    series: [
      // What is missing: between what was measured and what was expected.
      line('floor', missing.floor, { stack: 'missing', lineStyle: { opacity: 0 } }),
      line('missing', missing.height, {
        stack: 'missing',
        lineStyle: { opacity: 0 },
        areaStyle: { color: colour, opacity: 0.22 },
      }),
      line('low', expected.low, { stack: 'band', lineStyle: { opacity: 0 } }),
      line('band', width, {
        stack: 'band',
        lineStyle: { opacity: 0 },
        areaStyle: { color: palette.text, opacity: 0.1 },
      }),
      line('expected', expected.baseline, {
        lineStyle: { width: 1.4, color: palette.text, type: [5, 4] },
      }),
      line('value', expected.values, { z: 5, lineStyle: { width: 2, color: palette.accent } }),
      {
        ...marks(interval, gapsIn(expected), [], t('chart.noData'), frame),
      },
      {
        id: 'moments',
        type: 'line',
        data: [],
        silent: true,
        markLine: {
          silent: true,
          symbol: 'none',
          animation: false,
          data: moments.map(({ at, label }, place) => ({
            xAxis: at,
            lineStyle: { color: palette.text, type: 'solid', width: 1 },
            label: {
              formatter: label,
              // One above another: onset and confirmation are minutes apart.
              distance: [4, -14 * (place + 1)],
              position: 'end',
              padding: [0, 0, 0, 5],
              align: 'left',
              color: palette.text,
              fontSize: 11,
              textBorderColor: palette.surface,
              textBorderWidth: 3,
            },
          })),
        },
      },
    ],
  };
}

/** Where the value left its band: from the lower of both up to the higher. */
function lostBetween(expected: Expected): { floor: Rates; height: Rates } {
  const outside = expected.values.map((value, at) => {
    const low = expected.low[at];
    const high = expected.high[at];
    return (
      value !== null &&
      typeof low === 'number' &&
      typeof high === 'number' &&
      (value < low || value > high)
    );
  });
  const baseline = (at: number) => expected.baseline[at] ?? null;
  const floor = expected.values.map((value, at) => {
    const level = baseline(at);
    return outside[at] && value !== null && level !== null ? Math.min(value, level) : value;
  });
  const height = expected.values.map((value, at) => {
    const level = baseline(at);
    return outside[at] && value !== null && level !== null
      ? Math.abs(level - value)
      : value === null
        ? null
        : 0;
  });
  return { floor, height };
}

function tooltip(expected: Expected, bucket: number, zone: string): string {
  const start = Date.parse(expected.times[bucket] ?? '');
  const value = expected.values[bucket] ?? null;
  const level = expected.baseline[bucket] ?? null;
  const change = value !== null && level ? value / level - 1 : null;
  const row = (word: string, text: string, name = '') =>
    `<tr class="${name}"><th>${escapeHtml(word)}</th><td>${text}</td></tr>`;
  const [low, high] = [expected.low[bucket], expected.high[bucket]];
  return (
    `<table><caption>${formatInterval({ from: start, to: start + expected.step * 1000 }, zone)}</caption><tbody>` +
    row(t('event.measured'), value === null ? t('chart.notObserved') : formatRate(value)) +
    row(t('event.expected'), formatRate(level)) +
    row(t('event.band'), `${formatRate(low)} – ${formatRate(high)}`) +
    row(t('event.difference'), formatChange(change), 'total') +
    '</tbody></table>'
  );
}
