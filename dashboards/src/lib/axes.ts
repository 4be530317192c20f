/** What all time charts have in common: axes, grid, colours. Pure: the theme's colours come in. */

import type { EChartsCoreOption } from 'echarts/core';
import type { Interval } from './time';
import { timeTicks, type Zone } from './zone';

/** What of the page's theme a chart needs; the canvas cannot read CSS. */
export interface Palette {
  surface: string;
  text: string;
  muted: string;
  grid: string;
  gap: string;
  /** Of what has no colour of its own. */
  neutral: string;
  accent: string;
  soft: string;
  alarm: string;
  font: string;
}

/** How a chart is drawn: whatever is not in its data. */
export interface Frame {
  palette: Palette;
  zone: Zone;
  /** Pixels: how many labels fit. */
  width: number;
}

/** Two directions of stripes over a colour. */
export const HATCH = {
  symbol: 'rect',
  dashArrayX: [1, 0],
  dashArrayY: [2, 5],
  rotation: -Math.PI / 4,
};

/** A label of the time axis needs this much room. */
const LABEL_PX = 70;
/** Nearer to the end of the axis a label in the middle of its tick would be cut. */
const EDGE_PX = 12;

export function timeAxis(interval: Interval, { palette, zone, width }: Frame): object {
  const most = Math.max(2, Math.floor((width - 90) / LABEL_PX));
  const ticks = timeTicks(interval.from, interval.to, zone, most);
  const labels = new Map(ticks.map((tick) => [tick.at, tick]));
  const customValues = ticks.map(({ at }) => at);
  const range = interval.to - interval.from;
  const lastAtEnd = (ticks.at(-1)?.at ?? 0) > interval.to - (range * EDGE_PX) / width;
  return {
    type: 'time',
    min: interval.from,
    max: interval.to,
    axisLine: { onZero: false, lineStyle: { color: palette.grid } },
    axisTick: { lineStyle: { color: palette.grid }, customValues },
    axisLabel: {
      color: palette.muted,
      hideOverlap: true,
      showMinLabel: true,
      showMaxLabel: true,
      ...(lastAtEnd ? { alignMaxLabel: 'right' } : {}),
      customValues,
      formatter: (at: number) => {
        const tick = labels.get(at);
        return tick?.major ? `{major|${tick.label}}` : (tick?.label ?? '');
      },
      rich: { major: { color: palette.text, fontWeight: 600 } },
    },
    splitLine: { show: false },
    minorTick: { show: false },
  };
}

export function valueAxis(
  { palette }: Frame,
  formatter: (value: number) => string,
  more: object = {},
  label: object = {},
): object {
  return {
    type: 'value',
    splitNumber: 5,
    axisLabel: { color: palette.muted, formatter, ...label },
    axisLine: { show: false },
    splitLine: { lineStyle: { color: palette.grid } },
    ...more,
  };
}

export function baseOptions({ palette }: Frame): EChartsCoreOption {
  return {
    animation: false,
    textStyle: { fontFamily: palette.font, color: palette.text },
    grid: { left: 6, right: 14, top: 14, bottom: 4, outerBoundsMode: 'same' },
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

/** A level across the whole chart, with its name. */
export interface Level {
  at: number;
  label: string;
  tone: 'plain' | 'strong';
}

/** A gap of at least this part of the range has room for a word. */
const WORTH_A_WORD = 0.08;

/** The zero line, levels, and shades where nothing was observed: a series without a line of its own. */
export function marks(
  interval: Interval,
  gaps: readonly Interval[],
  levels: readonly Level[],
  noData: string,
  { palette }: Frame,
): Record<string, unknown> {
  const range = interval.to - interval.from;
  return {
    id: 'marks',
    type: 'line',
    data: [],
    silent: true,
    markLine: {
      silent: true,
      symbol: 'none',
      animation: false,
      data: [
        {
          yAxis: 0,
          label: { show: false },
          lineStyle: { color: palette.text, type: 'solid', width: 1 },
        },
        ...levels.map(({ at, label, tone }) => ({
          yAxis: at,
          label: {
            formatter: label,
            position: 'insideEndTop',
            color: palette.text,
            fontSize: 11,
            textBorderColor: palette.surface,
            textBorderWidth: 3,
          },
          lineStyle: {
            color: palette.text,
            type: tone === 'strong' ? 'solid' : [6, 4],
            width: tone === 'strong' ? 1.5 : 1,
          },
        })),
      ],
    },
    markArea: {
      silent: true,
      animation: false,
      itemStyle: {
        color: palette.gap,
        decal: { ...HATCH, dashArrayY: [1.5, 5], color: palette.grid },
      },
      label: { position: 'inside', color: palette.muted, fontSize: 12 },
      data: gaps.map(({ from, to }) => [
        { xAxis: from, name: (to - from) / range > WORTH_A_WORD ? noData : '' },
        { xAxis: to },
      ]),
    },
  };
}

/** Names come from the network: nothing of them may become markup. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
