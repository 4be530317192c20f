/** Hours of the week, and round-trip times, as fields of colour. Pure. */

import type { EChartsCoreOption } from 'echarts/core';
import type { RoundTrips } from './api';
import { escapeHtml, timeAxis, type Frame } from './axes';
import { currentLanguage, t } from './i18n.svelte';
import type { Rates } from './series';
import { formatTime, type Interval } from './time';
import { formatExact, formatMicros, formatRate } from './units';

/** From little to much, told apart by lightness alone; the other way round on a dark screen. */
function scale(palette: Frame['palette']): string[] {
  return [palette.gap, palette.soft, palette.accent];
}

export function weekdays(): string[] {
  const format = new Intl.DateTimeFormat(currentLanguage(), { weekday: 'short', timeZone: 'UTC' });
  // The 5th of January 1970 was a Monday.
  return Array.from({ length: 7 }, (_, day) => format.format(Date.UTC(1970, 0, 5 + day)));
}

/** Rows Monday to Sunday, columns the hours of the day. */
export function drawWeek(rows: readonly Rates[], frame: Frame): EChartsCoreOption {
  const { palette } = frame;
  const days = weekdays();
  const data = rows.flatMap((row, day) =>
    row.flatMap((rate, hour) => (rate === null ? [] : [[hour, day, rate]])),
  );
  const most = Math.max(1, ...data.map(([, , rate]) => rate ?? 0));
  const hours = Array.from({ length: 24 }, (_, hour) => String(hour).padStart(2, '0'));
  const axis = {
    type: 'category',
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: palette.muted },
  };
  return {
    grid: { left: 8, right: 8, top: 6, bottom: 52, outerBoundsMode: 'same' },
    tooltip: {
      trigger: 'item',
      confine: true,
      className: 'chart-tooltip',
      backgroundColor: palette.surface,
      borderColor: palette.grid,
      padding: [6, 10],
      textStyle: { color: palette.text, fontFamily: palette.font, fontSize: 12 },
      formatter: ({ value }: { value: [number, number, number] }) =>
        `${escapeHtml(days[value[1]] ?? '')} ${hours[value[0]]}:00<br><b>${formatRate(value[2])}</b>`,
    },
    xAxis: { ...axis, data: hours },
    yAxis: { ...axis, data: days, inverse: true },
    visualMap: {
      min: 0,
      max: most,
      calculable: false,
      orient: 'horizontal',
      left: 'center',
      bottom: 0,
      itemWidth: 12,
      itemHeight: 180,
      text: [formatRate(most), '0'],
      textStyle: { color: palette.muted },
      inRange: { color: scale(palette) },
    },
    series: [
      {
        type: 'heatmap',
        data,
        itemStyle: { borderColor: palette.surface, borderWidth: 1 },
        emphasis: { itemStyle: { borderColor: palette.text } },
      },
    ],
  };
}

/** How many round trips took how long, over time: columns of the buckets, rows of the bins. */
export function drawRoundTrips(
  answer: RoundTrips,
  interval: Interval,
  frame: Frame,
): EChartsCoreOption {
  const { palette, zone } = frame;
  const { edges_us: edges, counts } = answer.histogram ?? { edges_us: [], counts: [] };
  const used = counts.flatMap((bins) => bins.flatMap((count, bin) => (count > 0 ? [bin] : [])));
  const lowest = used.length > 0 ? Math.max(0, Math.min(...used) - 1) : 0;
  const highest = used.length > 0 ? Math.min(edges.length - 1, Math.max(...used) + 1) : 0;
  const rows = edges.slice(lowest, highest + 1);
  const step = answer.step_seconds * 1000;
  // A share of the bucket's round trips: else busy hours would be all that is seen.
  const data = counts.flatMap((bins, at) => {
    const start = Date.parse(answer.buckets[at] ?? '');
    const all = bins.reduce((sum, count) => sum + count, 0);
    return bins.flatMap((count, bin) =>
      count === 0 ? [] : [[start + step / 2, bin - lowest, count / all, count]],
    );
  });
  const bin = (row: number) =>
    `${formatMicros(row > 0 ? (rows[row - 1] ?? 0) : 0)} – ${formatMicros(rows[row])}`;
  return {
    tooltip: {
      trigger: 'item',
      confine: true,
      className: 'chart-tooltip',
      backgroundColor: palette.surface,
      borderColor: palette.grid,
      padding: [6, 10],
      textStyle: { color: palette.text, fontFamily: palette.font, fontSize: 12 },
      formatter: ({ value }: { value: number[] }) =>
        `${formatTime((value[0] ?? 0) - step / 2, zone)}<br>${bin(value[1] ?? 0)}<br>` +
        `<b>${t('rtt.count', { count: formatExact(value[3]) })}</b>`,
    },
    xAxis: timeAxis(interval, frame),
    yAxis: {
      type: 'category',
      data: rows.map((edge) => formatMicros(edge)),
      axisLabel: { color: palette.muted, interval: 'auto' },
      axisTick: { show: false },
      axisLine: { show: false },
    },
    visualMap: {
      show: false,
      min: 0,
      max: Math.max(0.01, ...data.map(([, , share]) => share ?? 0)),
      dimension: 2,
      inRange: { color: scale(palette) },
    },
    series: [{ type: 'custom', renderItem: cell(step), encode: { x: 0, y: 1 }, data, clip: true }],
  };
}

interface Place {
  value(dimension: number): number;
  coord(point: number[]): number[];
  size(extent: number[]): number[];
  visual(name: string): string;
}

/** A rectangle as wide as its bucket: ECharts' own heatmap needs categories on both axes. */
function cell(step: number) {
  return (_: unknown, api: Place) => {
    const at = api.value(0);
    const [left = 0, middle = 0] = api.coord([at - step / 2, api.value(1)]);
    const [right = 0] = api.coord([at + step / 2, api.value(1)]);
    const [, height = 0] = api.size([0, 1]);
    return {
      type: 'rect',
      shape: {
        x: left,
        y: middle - height / 2,
        width: Math.max(1, right - left),
        height: height,
      },
      style: { fill: api.visual('color') },
    };
  };
}
