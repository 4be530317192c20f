/** Charts and tables as rows of a file: exact rates, times in UTC. */

import type { EventSummary } from './api';
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

/** One row an event. */
export function eventsCsv(events: readonly EventSummary[]): Cell[][] {
  return [
    [
      ...['id', 'kind', 'severity', 'state', 'sign', 'direction', 'onset', 'confirmed', 'ended'],
      ...['trough', 'depth_percent', 'lost_octets', 'subject', 'links', 'categories'],
    ],
    ...events.map((event) => [
      ...[event.id, event.kind, event.severity, event.state, event.sign, event.direction],
      ...[event.onset, event.confirmed, event.ended, event.trough, event.depth_percent],
      ...[event.lost_octets, event.subject, event.links.join(' '), event.categories.join(' ')],
    ]),
  ];
}
