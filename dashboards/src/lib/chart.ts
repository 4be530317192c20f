/** Rates by class as ECharts options, and their tooltip. Pure: colours of the theme come in. */

import type { EChartsCoreOption } from 'echarts/core';
import { HATCH, baseOptions, escapeHtml, marks, timeAxis, valueAxis } from './axes';
import type { Frame, Level, Palette } from './axes';
import { t } from './i18n.svelte';
import {
  coordinates,
  highest,
  pointsOf,
  type Chart,
  type Layer,
  type Point,
  type Rates,
} from './series';
import { formatClock, formatInterval, formatTime, type Millis, type Zone } from './time';
import { NOTHING, formatAxisRate, formatExact, formatMeasure, formatShare } from './units';

export type { Palette };

export type Mode = 'stacked' | 'share' | 'lines';

/** What is expected, and how far the level usually strays from it. */
export interface Band {
  starts: Millis[];
  stepSeconds: number;
  in: Expected | null;
  out: Expected | null;
}

export interface Expected {
  baseline: Rates;
  low: Rates;
  high: Rates;
}

export interface Style {
  mode: Mode;
  hidden: ReadonlySet<string>;
  levels?: readonly Level[];
  band?: Band | null;
}

export interface Drawing {
  options: EChartsCoreOption;
  /** Point of each data index, to find the bucket under the mouse. */
  points: Point[];
}

type Way = 'in' | 'out';

/** All of the chart; `hidden` classes are neither drawn nor stacked. */
export function draw(chart: Chart, style: Style, frame: Frame): Drawing {
  const { palette } = frame;
  const points = pointsOf(chart.starts, chart.stepSeconds * 1000, chart.total.in);
  const shown = chart.layers.filter((layer) => !style.hidden.has(layer.key));
  const ways: Way[] = chart.mirrored ? ['in', 'out'] : ['in'];
  const whole = style.mode === 'share' ? wholes(shown) : null;
  const lines = shown.flatMap((layer) =>
    ways.map((way) => {
      const rates = whole ? shares(layer[way], whole[way]) : layer[way];
      return lineOf(layer, way, coordinates(points, rates, way), style.mode, palette);
    }),
  );
  const percent = style.mode === 'share';
  const axis = percent
    ? valueAxis(frame, (share) => `${Math.round(Math.abs(share) * 100)} %`, {
        max: 1,
        min: chart.mirrored ? -1 : 0,
      })
    : valueAxis(frame, formatAxisRate);
  return {
    points,
    options: {
      ...baseOptions(frame),
      xAxis: timeAxis(chart.interval, frame),
      yAxis: axis,
      series: [
        ...lines,
        ...(percent ? [] : past(chart, style, points, ways, palette)),
        ...(style.band && !percent ? bandOf(style.band, ways, palette) : []),
        marks(
          chart.interval,
          chart.gaps,
          percent ? [] : (style.levels ?? []),
          t('chart.noData'),
          frame,
        ),
      ],
    },
  };
}

function lineOf(
  layer: Layer,
  way: Way,
  data: [number, number | null][],
  mode: Mode,
  palette: Palette,
): Record<string, unknown> {
  const base = {
    id: `${layer.key} ${way}`,
    name: layer.label,
    type: 'line',
    data,
    symbol: 'none',
    connectNulls: false,
    silent: true,
    emphasis: { disabled: true },
  };
  const { colour, hatched } = layer;
  if (mode === 'lines') {
    const type = hatched ? [2, 2] : 'solid';
    return {
      ...base,
      lineStyle: { width: 1.6, color: colour, type },
      itemStyle: { color: colour },
    };
  }
  return {
    ...base,
    stack: way,
    stackStrategy: 'all',
    // A thin line of the background's colour keeps neighbours apart without relying on hue.
    lineStyle: { width: 0.6, color: palette.surface },
    itemStyle: {
      color: colour,
      ...(hatched ? { decal: { ...HATCH, color: palette.surface } } : {}),
    },
    areaStyle: { color: colour, opacity: 1 },
  };
}

/** Sums of what is shown, for 100 %. */
function wholes(shown: Layer[]): Record<Way, Rates> {
  const side = (way: Way): Rates =>
    (shown[0]?.[way] ?? []).map((first, at) =>
      first === null ? null : shown.reduce((sum, layer) => sum + (layer[way][at] ?? 0), 0),
    );
  return { in: side('in'), out: side('out') };
}

function shares(rates: Rates, whole: Rates): Rates {
  return rates.map((rate, at) => {
    const of = whole[at];
    return rate === null || of === null || of === undefined ? null : of === 0 ? 0 : rate / of;
  });
}

/** The period before, dashed: each line's where lines are drawn, else the whole. */
function past(
  chart: Chart,
  style: Style,
  points: Point[],
  ways: Way[],
  palette: Palette,
): object[] {
  if (!chart.before) return [];
  const dashed = (id: string, rates: Rates, way: Way, color: string) => ({
    id: `before ${id} ${way}`,
    type: 'line',
    data: coordinates(points, rates, way),
    symbol: 'none',
    silent: true,
    z: 4,
    lineStyle: { width: 1.4, color, type: [5, 4] },
    itemStyle: { color },
  });
  if (style.mode === 'lines') {
    return chart.layers
      .filter((layer) => layer.before && !style.hidden.has(layer.key))
      .flatMap((layer) =>
        ways.map((way) => dashed(layer.key, layer.before?.[way] ?? [], way, layer.colour)),
      );
  }
  const { before } = chart;
  return ways.map((way) => dashed('total', before[way], way, palette.text));
}

/** The expected level as a thin line in a translucent band, over the stack. */
function bandOf(band: Band, ways: Way[], palette: Palette): object[] {
  return ways.flatMap((way) => {
    const expected = band[way];
    if (!expected) return [];
    const points = pointsOf(band.starts, band.stepSeconds * 1000, expected.baseline);
    const width = expected.high.map((high, at) => {
      const low = expected.low[at];
      return high === null || low === null || low === undefined ? null : high - low;
    });
    const base = { type: 'line', symbol: 'none', silent: true, z: 3 };
    // Edges rather than a tint, which would make other colours of the colours beneath.
    const edge = { width: 0.8, color: palette.text, opacity: 0.45 };
    const area = { ...base, stack: `band ${way}`, stackStrategy: 'all', lineStyle: edge };
    return [
      { ...area, id: `low ${way}`, data: coordinates(points, expected.low, way) },
      {
        ...area,
        id: `band ${way}`,
        data: coordinates(points, width, way),
        areaStyle: { color: palette.text, opacity: 0.07 },
      },
      {
        ...base,
        id: `expected ${way}`,
        data: coordinates(points, expected.baseline, way),
        lineStyle: { width: 1.3, color: palette.text, type: [2, 3] },
      },
    ];
  });
}

/** Every class's rate in one bucket, the outermost of the stack first, and the sums. */
export function tooltipHtml(chart: Chart, bucket: number, style: Style, zone: Zone): string {
  const start = chart.starts[bucket];
  if (start === undefined) return '';
  const step = chart.stepSeconds * 1000;
  const title =
    step >= 86_400_000
      ? formatTime(start, zone)
      : formatInterval({ from: start, to: start + step }, zone);
  const ways: Way[] = chart.mirrored ? ['in', 'out'] : ['in'];
  const whole = style.mode === 'share' ? wholes(chart.layers) : null;
  const cell = (rates: Rates, way: Way) => {
    const rate = rates[bucket];
    const share =
      whole && rate !== null && rate !== undefined ? rate / (whole[way][bucket] || 1) : null;
    return `<td>${whole ? formatShare(share) : exactRate(rate)}</td>`;
  };
  const rows = [...chart.layers].reverse().flatMap((layer) => {
    if (ways.every((way) => !layer[way][bucket])) return [];
    const off = style.hidden.has(layer.key) ? ' class="off"' : '';
    return [
      `<tr${off}><th><i class="swatch${layer.hatched ? ' hatched' : ''}" style="--swatch:${layer.colour}"></i>` +
        `${escapeHtml(layer.label)}</th>${ways.map((way) => cell(layer[way], way)).join('')}</tr>`,
    ];
  });
  const row = (word: string, of: { in: Rates; out: Rates }, name: string) =>
    `<tr class="${name}"><th>${word}</th>` +
    `${ways.map((way) => `<td>${exactRate(of[way][bucket])}</td>`).join('')}</tr>`;
  const known = typeof chart.total.in[bucket] === 'number';
  const foot = known
    ? row(t('chart.total'), chart.total, 'total')
    : `<tr class="total"><th>${t('chart.notObserved')}</th>${ways.map(() => `<td>${NOTHING}</td>`).join('')}</tr>`;
  const before = chart.before ? row(t('chart.before'), chart.before, 'before') : '';
  const unit = { bits: 'bit/s', packets: 'pkt/s', flows: 'flow/s' }[chart.measure];
  const heads = chart.mirrored ? [`${t('side.in')}, ${unit}`, `${t('side.out')}, ${unit}`] : [unit];
  return (
    `<table><caption>${escapeHtml(title)}</caption>` +
    `<thead><tr><th></th>${heads.map((head) => `<th>${head}</th>`).join('')}</tr></thead>` +
    `<tbody>${rows.join('')}${foot}${before}</tbody></table>`
  );
}

/** The chart in one sentence, for those who cannot see it. */
export function describeChart(chart: Chart, title: string, zone: Zone): string {
  const gaps = chart.gaps
    .slice(0, 5)
    .map((gap) =>
      t('chart.gap', { from: formatClock(gap.from, zone), to: formatClock(gap.to, zone) }),
    );
  const top = (rates: Rates) => formatMeasure(chart.measure, highest(rates));
  const high = chart.mirrored
    ? t('chart.highestBoth', { in: top(chart.total.in), out: top(chart.total.out) })
    : t('chart.highest', { rate: top(chart.total.in) });
  return [
    `${title}, ${formatInterval(chart.interval, zone)}.`,
    high,
    ...gaps,
    t('chart.tables'),
  ].join(' ');
}

/** All digits of a rate, grouped. */
function exactRate(rate: number | null | undefined): string {
  return formatExact(rate === null || rate === undefined ? null : Math.round(rate));
}
