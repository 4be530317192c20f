/** Packets and what was lost of them over time, as ECharts options. Pure. */

import type { EChartsCoreOption } from 'echarts/core';
import type { System } from './api';
import { baseOptions, timeAxis, valueAxis, type Frame } from './axes';
import { t } from './i18n.svelte';
import { coordinates, pointsOf, type Rates } from './series';
import { formatInterval, type Interval } from './time';
import { formatAxisRate, formatExact, formatPacketRate } from './units';

/** Null while the database does not answer. */
type Drops = NonNullable<System['drops']>;

export const LOSSES = [
  'dropped_kernel',
  'table_full',
  'late',
  'uninspected_flows',
  'sampled_packets',
] as const;
export type Loss = (typeof LOSSES)[number];

/** Packets a second of each bucket. */
export function ratesOf(drops: Drops, field: Loss | 'packets'): Rates {
  return drops[field].map((count) => (count === null ? null : Number(count) / drops.step_seconds));
}

export function sumOf(drops: Drops | null, field: Loss | 'packets'): bigint {
  const counts = drops?.[field] ?? [];
  return counts.reduce<bigint>((sum, count) => sum + BigInt(count ?? 0), 0n);
}

export function drawPackets(
  drops: Drops,
  fields: readonly (Loss | 'packets')[],
  interval: Interval,
  frame: Frame,
): EChartsCoreOption {
  const { palette, zone } = frame;
  const starts = drops.buckets.map((text) => Date.parse(text));
  const step = drops.step_seconds * 1000;
  const points = pointsOf(starts, step, ratesOf(drops, 'packets'));
  const colours = [palette.alarm, '#f0a020', '#1f6fb4', '#10906a', '#b16fd6'];
  return {
    ...baseOptions(frame),
    xAxis: timeAxis(interval, frame),
    yAxis: valueAxis(frame, formatAxisRate, { min: 0, splitNumber: 3 }),
    tooltip: {
      ...(baseOptions(frame).tooltip as object),
      formatter: (parameters: unknown) => {
        const [first] = parameters as { dataIndex: number }[];
        const bucket = points[first?.dataIndex ?? -1]?.bucket ?? -1;
        const start = starts[bucket];
        if (start === undefined) return '';
        const rows = fields.map((field) => {
          const count = drops[field][bucket] ?? null;
          const rate = ratesOf(drops, field)[bucket];
          return `<tr><th>${t(`drops.${field}`)}</th><td>${formatPacketRate(rate)}</td><td>${formatExact(count)}</td></tr>`;
        });
        const title = formatInterval({ from: start, to: start + step }, zone);
        return `<table><caption>${title}</caption><tbody>${rows.join('')}</tbody></table>`;
      },
    },
    series: fields.map((field, at) => {
      const color = field === 'packets' ? palette.accent : (colours[at] ?? palette.text);
      return {
        id: field,
        type: 'line',
        symbol: 'none',
        silent: true,
        data: coordinates(points, ratesOf(drops, field), 'in'),
        lineStyle: { width: 1.6, color },
        itemStyle: { color },
        ...(field === 'packets' ? { areaStyle: { color, opacity: 0.18 } } : {}),
      };
    }),
  };
}
