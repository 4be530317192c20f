/** What comes on a link: expected days with their interval, thresholds, in words. Pure. */

import type { EChartsCoreOption } from 'echarts/core';
import type { Crossing, DayForecast, SideForecast } from './api';
import { baseOptions, marks, timeAxis, valueAxis, type Frame, type Level } from './axes';
import { t } from './i18n.svelte';
import type { Interval } from './time';
import { decimal, formatAxisRate, formatCapacity, formatChange, formatRate } from './units';

export interface Sides {
  in: SideForecast;
  out: SideForecast;
}

function at(day: DayForecast): number {
  return Date.parse(`${day.day}T12:00:00Z`);
}

export function spanOf({ in: incoming, out }: Sides): Interval {
  const days = [...incoming.days, ...out.days].map(at);
  return { from: Math.min(...days), to: Math.max(...days) };
}

export function drawForecast(
  sides: Sides,
  capacity: number | null,
  threshold: number | null,
  frame: Frame,
): EChartsCoreOption {
  const { palette } = frame;
  const interval = spanOf(sides);
  const all = [...sides.in.days, ...sides.out.days];
  const most = Math.max(...all.map(({ high_bps: high }) => high));
  const near = (level: number | null): level is number => level !== null && most > level * 0.4;
  const levels: Level[] = [
    ...(near(capacity)
      ? [
          {
            at: capacity,
            label: t('forecast.capacity', { rate: formatCapacity(capacity) }),
            tone: 'strong' as const,
          },
        ]
      : []),
    ...(near(threshold)
      ? [
          {
            at: threshold,
            label: t('forecast.threshold', { rate: formatCapacity(threshold) }),
            tone: 'plain' as const,
          },
        ]
      : []),
  ];
  const colours = { in: palette.accent, out: palette.soft };
  const series = (['in', 'out'] as const).flatMap((way) => {
    const { days } = sides[way];
    const base = { type: 'line', symbol: 'none', silent: true };
    const point = (value: (day: DayForecast) => number) => days.map((day) => [at(day), value(day)]);
    return [
      {
        ...base,
        id: `low ${way}`,
        stack: way,
        lineStyle: { opacity: 0 },
        data: point((day) => day.low_bps),
      },
      {
        ...base,
        id: `interval ${way}`,
        stack: way,
        lineStyle: { opacity: 0 },
        areaStyle: { color: colours[way], opacity: 0.22 },
        data: point((day) => day.high_bps - day.low_bps),
      },
      {
        ...base,
        id: `expected ${way}`,
        lineStyle: { width: 2, color: colours[way] },
        data: point((day) => day.expected_bps),
      },
    ];
  });
  return {
    ...baseOptions(frame),
    xAxis: timeAxis(interval, frame),
    // The end of the axis is no round number: it has no label.
    yAxis: valueAxis(
      frame,
      formatAxisRate,
      {
        min: 0,
        max: levels.length > 0 ? Math.max(most, ...levels.map(({ at }) => at)) * 1.05 : null,
      },
      { showMaxLabel: levels.length === 0 },
    ),
    tooltip: {
      ...(baseOptions(frame).tooltip as object),
      formatter: (parameters: unknown) => {
        const [first] = parameters as { dataIndex: number }[];
        return tooltip(sides, first?.dataIndex ?? -1);
      },
    },
    series: [...series, marks(interval, [], levels, '', frame)],
  };
}

function tooltip(sides: Sides, index: number): string {
  const rows = (['in', 'out'] as const).flatMap((way) => {
    const day = sides[way].days[index];
    if (!day) return [];
    const range = `${formatRate(day.low_bps)} – ${formatRate(day.high_bps)}`;
    return [
      `<tr><th>${t(`side.${way}`)}</th><td><b>${formatRate(day.expected_bps)}</b></td><td>${range}</td></tr>`,
    ];
  });
  const day = sides.in.days[index]?.day ?? sides.out.days[index]?.day ?? '';
  return `<table><caption>${day}</caption><tbody>${rows.join('')}</tbody></table>`;
}

/** What is looked for, where a capacity is known. */
export function thresholdOf(crossing: Crossing | undefined): number | null {
  return crossing && 'threshold_bps' in crossing ? crossing.threshold_bps : null;
}

/** When a threshold is reached, in a sentence. */
export function crossingText(crossing: Crossing | null): string {
  if (!crossing) return t('crossing.unknown');
  switch (crossing.state) {
    case 'crossed':
      return t('crossing.crossed');
    case 'expected':
      return crossing.latest
        ? t('crossing.between', {
            day: crossing.day ?? '',
            earliest: crossing.earliest ?? '',
            latest: crossing.latest,
          })
        : t('crossing.from', { day: crossing.day ?? '', earliest: crossing.earliest ?? '' });
    case 'not-within':
      return t('crossing.notWithin', { days: crossing.days ?? 0 });
    case 'no-trend':
      return t('crossing.noTrend');
    case 'no-threshold':
      return t('crossing.noThreshold');
    default:
      return t('crossing.unknown');
  }
}

/** The same beside the day itself. */
export function crossingAside(crossing: Crossing | null): string {
  if (crossing?.state !== 'expected') return crossingText(crossing);
  const { earliest, latest } = crossing;
  return latest
    ? t('crossing.betweenAside', { earliest: earliest ?? '', latest })
    : t('crossing.fromAside', { earliest: earliest ?? '' });
}

/** Growth in a year with its interval: "+23 % a year (+12 to +35 %)". */
export function trendText(side: SideForecast): string {
  if (side.outcome === 'too-little-history') {
    return t('forecast.tooLittle', { days: side.history_days });
  }
  if (side.outcome === 'no-traffic') return t('forecast.noTraffic');
  const { trend } = side;
  if (!trend?.significant) return t('forecast.noTrend');
  return t('forecast.trend', {
    rate: formatChange(trend.per_year),
    low: formatChange(trend.low),
    high: formatChange(trend.high),
  });
}

/** "1 234.50 EUR": all of it, as an invoice has it. */
export function formatAmount(amount: number, currency: string): string {
  const [whole = '0', cents = '00'] = amount.toFixed(2).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, '\u202f');
  return `${decimal(`${grouped}.${cents}`)}\u00a0${currency}`;
}
