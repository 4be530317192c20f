/** The stacked chart as ECharts options, and its tooltip. Pure: colours of the theme come in. */

import type { EChartsCoreOption } from 'echarts/core';
import { look } from './categories';
import { coordinates, highest, pointsOf, type Chart, type Point } from './series';
import { formatClock, formatInterval, formatTime, type Zone } from './time';
import { NOTHING, formatAxisRate, formatExact, formatRate } from './units';

/** What of the page's theme the chart needs; the canvas cannot read CSS. */
export interface Palette {
  surface: string;
  text: string;
  muted: string;
  grid: string;
  gap: string;
  font: string;
}

export interface Drawing {
  options: EChartsCoreOption;
  /** Point of each data index, to find the bucket under the mouse. */
  points: Point[];
}

/** Two directions of stripes over the category's own colour. */
const HATCH = {
  symbol: 'rect',
  dashArrayX: [1, 0],
  dashArrayY: [2, 5],
  rotation: -Math.PI / 4,
};

/** All of the chart; `hidden` categories are neither drawn nor stacked. */
export function draw(
  chart: Chart,
  hidden: ReadonlySet<string>,
  palette: Palette,
  zone: Zone,
): Drawing {
  const points = pointsOf(chart);
  const shown = chart.layers.filter((layer) => !hidden.has(layer.category));
  const areas = shown.flatMap((layer) =>
    (['in', 'out'] as const).map((direction) => {
      const { colour, hatched, label } = look(layer.category);
      return {
        id: `${layer.category} ${direction}`,
        name: `${label} ${direction}`,
        type: 'line',
        stack: direction,
        stackStrategy: 'all',
        data: coordinates(points, layer[direction], direction),
        symbol: 'none',
        connectNulls: false,
        silent: true,
        emphasis: { disabled: true },
        // A thin line of the background's colour keeps neighbours apart without relying on hue.
        lineStyle: { width: 0.6, color: palette.surface },
        itemStyle: {
          color: colour,
          ...(hatched ? { decal: { ...HATCH, color: palette.surface } } : {}),
        },
        areaStyle: { color: colour, opacity: 1 },
      };
    }),
  );
  return {
    points,
    options: { ...frame(chart, palette, zone), series: [...areas, marks(chart, palette)] },
  };
}

function frame(chart: Chart, palette: Palette, zone: Zone): EChartsCoreOption {
  return {
    animation: false,
    useUTC: zone === 'utc',
    textStyle: { fontFamily: palette.font, color: palette.text },
    grid: { left: 8, right: 14, top: 12, bottom: 4, outerBoundsMode: 'same' },
    xAxis: {
      type: 'time',
      min: chart.interval.from,
      max: chart.interval.to,
      axisLine: { onZero: false, lineStyle: { color: palette.grid } },
      axisTick: { lineStyle: { color: palette.grid } },
      axisLabel: {
        color: palette.muted,
        hideOverlap: true,
        formatter: {
          year: '{yyyy}',
          month: '{yyyy}-{MM}',
          day: '{MM}-{dd}',
          hour: '{HH}:{mm}',
          minute: '{HH}:{mm}',
          second: '{HH}:{mm}:{ss}',
          millisecond: '{HH}:{mm}:{ss}',
          none: '{yyyy}-{MM}-{dd} {HH}:{mm}',
        },
      },
      splitLine: { show: false },
    },
    yAxis: {
      type: 'value',
      splitNumber: 6,
      axisLabel: { color: palette.muted, formatter: formatAxisRate },
      splitLine: { lineStyle: { color: palette.grid } },
    },
    tooltip: {
      trigger: 'axis',
      confine: true,
      transitionDuration: 0,
      axisPointer: { type: 'line', lineStyle: { color: palette.muted, type: 'solid' } },
      // The page's own styles draw it.
      className: 'chart-tooltip',
      backgroundColor: palette.surface,
      borderColor: palette.grid,
      padding: 0,
      textStyle: { color: palette.text, fontFamily: palette.font, fontSize: 12 },
    },
  };
}

/** A gap of at least this part of the range has room for a word. */
const WORTH_A_WORD = 0.08;

/** The zero line, and shades where nothing was observed. */
function marks(chart: Chart, palette: Palette): Record<string, unknown> {
  const range = chart.interval.to - chart.interval.from;
  return {
    id: 'marks',
    type: 'line',
    data: [],
    silent: true,
    markLine: {
      silent: true,
      symbol: 'none',
      animation: false,
      label: { show: false },
      lineStyle: { color: palette.text, type: 'solid', width: 1 },
      data: [{ yAxis: 0 }],
    },
    markArea: {
      silent: true,
      animation: false,
      itemStyle: {
        color: palette.gap,
        decal: { ...HATCH, dashArrayY: [1.5, 5], color: palette.grid },
      },
      label: { position: 'inside', color: palette.muted, fontSize: 12 },
      data: chart.gaps.map(({ from, to }) => [
        { xAxis: from, name: (to - from) / range > WORTH_A_WORD ? 'no data' : '' },
        { xAxis: to },
      ]),
    },
  };
}

/** Every category's rate in one bucket, the outermost of the stack first, and the sums. */
export function tooltipHtml(
  chart: Chart,
  bucket: number,
  hidden: ReadonlySet<string>,
  zone: Zone,
): string {
  const start = chart.starts[bucket];
  if (start === undefined) return '';
  const step = chart.stepSeconds * 1000;
  const title =
    step >= 86_400_000
      ? formatTime(start, zone)
      : formatInterval({ from: start, to: start + step }, zone);
  const rows = [...chart.layers].reverse().flatMap((layer) => {
    const incoming = layer.in[bucket] ?? null;
    const outgoing = layer.out[bucket] ?? null;
    if (!incoming && !outgoing) return [];
    const { colour, hatched, label } = look(layer.category);
    const off = hidden.has(layer.category) ? ' class="off"' : '';
    return [
      `<tr${off}><th><i class="swatch${hatched ? ' hatched' : ''}" style="--swatch:${colour}"></i>` +
        `${escapeHtml(label)}</th><td>${exactRate(incoming)}</td><td>${exactRate(outgoing)}</td></tr>`,
    ];
  });
  const total = chart.total.in[bucket];
  const known = total !== null && total !== undefined;
  const foot = known
    ? `<tr class="total"><th>Total</th><td>${exactRate(total)}</td>` +
      `<td>${exactRate(chart.total.out[bucket])}</td></tr>`
    : `<tr class="total"><th>Not observed</th><td>${NOTHING}</td><td>${NOTHING}</td></tr>`;
  return (
    `<table><caption>${escapeHtml(title)}</caption>` +
    `<thead><tr><th></th><th>in, bit/s</th><th>out, bit/s</th></tr></thead>` +
    `<tbody>${rows.join('')}${foot}</tbody></table>`
  );
}

/** The chart in one sentence, for those who cannot see it. */
export function describeChart(chart: Chart, zone: Zone): string {
  const gaps =
    chart.gaps.length > 0
      ? ` ${chart.gaps
          .map(
            (gap) => `No data from ${formatClock(gap.from, zone)} to ${formatClock(gap.to, zone)}.`,
          )
          .slice(0, 5)
          .join(' ')}`
      : '';
  return (
    `Traffic by category from ${formatInterval(chart.interval, zone)}. ` +
    `Highest rate in ${formatRate(highest(chart.total.in))}, out ${formatRate(highest(chart.total.out))}.${gaps} ` +
    'The same numbers are in the tables that follow.'
  );
}

/** All digits of a rate in bit/s, grouped. */
function exactRate(rate: number | null | undefined): string {
  return formatExact(rate === null || rate === undefined ? null : Math.round(rate));
}

/** Names come from the network: nothing of them may become markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
