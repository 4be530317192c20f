/** Charts and tables as rows of a file: exact rates, times in UTC. */

import type { Cell } from './export';
import type { Chart } from './series';
import { printTime } from './time';

/** One row a bucket, one column a class and direction. */
export function chartCsv(chart: Chart): Cell[][] {
  const ways = chart.mirrored ? (['in', 'out'] as const) : (['in'] as const);
  const unit = { bits: 'bps', packets: 'pps', flows: 'fps' }[chart.measure];
  const head = chart.layers.flatMap(({ key }) =>
    ways.map((way) => (chart.mirrored ? `${key} ${way}_${unit}` : `${key} ${unit}`)),
  );
  // The period before, where it is drawn; `time` is this period's.
  const past = chart.before
    ? chart.layers.flatMap(({ key, before }) => (before ? [{ key, before }] : []))
    : [];
  const pastHead = past.flatMap(({ key }) =>
    ways.map((way) => `${key} before_${chart.mirrored ? `${way}_` : ''}${unit}`),
  );
  return [
    ['time', ...head, ...pastHead],
    ...chart.starts.map((start, at) => [
      printTime(start),
      ...chart.layers.flatMap((layer) => ways.map((way) => layer[way][at])),
      ...past.flatMap(({ before }) => ways.map((way) => before[way][at])),
    ]),
  ];
}
