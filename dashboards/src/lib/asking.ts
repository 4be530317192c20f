/** Questions that several pages ask in the same way. */

import { ApiError } from './api';
import type { Api, EventSummary, Expected, Report, Totals } from './api';
import { rangeOf } from './api';
import type { Band } from './chart';
import type { Interval } from './time';

/** The largest of a dimension, and how they divide by direction. */
export interface Largest {
  rows: Totals;
  split: Totals;
  /** The whole by direction: `split` may have a rest that says nothing of directions. */
  whole: Totals;
}

export async function askLargest(
  api: Api,
  dimension: string,
  request: {
    interval: Interval;
    links?: readonly string[];
    filter?: string;
    only?: Record<string, string[]>;
  },
  top: number,
  signal: AbortSignal,
): Promise<Largest> {
  const [rows, split, whole] = await Promise.all([
    api.totals({ ...request, groupBy: [dimension], top }, signal),
    api.totals({ ...request, groupBy: [dimension, 'direction'] }, signal),
    api.totals({ ...request, groupBy: ['direction'] }, signal),
  ]);
  return { rows: capped(rows, dimension, top), split, whole };
}

/** At most so many, whatever came: what is beyond them belongs to the rest. */
function capped(totals: Totals, dimension: string, top: number): Totals {
  const rows = totals.rows.map((row, at) =>
    at < top ? row : { ...row, group: { ...row.group, [dimension]: 'other' } },
  );
  return { ...totals, rows };
}

/** Events that touch a range, and a link where one is named. */
export async function askEvents(
  api: Api,
  interval: Interval,
  filter: Record<string, string | number | null>,
  signal: AbortSignal,
): Promise<EventSummary[]> {
  const { from, to } = rangeOf(interval);
  const { events } = await api.get<{ events: EventSummary[] }>(
    'events',
    { start: from, end: to, limit: 200, ...filter },
    signal,
  );
  return events;
}

/** What is expected each way; null where there is no baseline for it (yet). */
export async function askBand(
  api: Api,
  interval: Interval,
  link: string | null,
  signal: AbortSignal,
): Promise<Band | null> {
  const { from, to } = rangeOf(interval);
  const one = async (direction: 'in' | 'out') => {
    try {
      const parameters = { link, direction, start: from, end: to };
      return await api.get<Expected>('baseline', parameters, signal);
    } catch (cause) {
      // What is known stays while nobody answers.
      if (signal.aborted || (cause instanceof ApiError && cause.unreachable)) throw cause;
      return null; // The chart says what was measured without it.
    }
  };
  const [incoming, outgoing] = await Promise.all([one('in'), one('out')]);
  const some = incoming ?? outgoing;
  if (!some || some.times.length < 2) return null;
  const starts = some.times.map((text) => Date.parse(text));
  return { starts, stepSeconds: some.step, in: incoming, out: outgoing };
}

/** A link's month; without figures where nobody watched, or history is kept only coarser. */
export interface MonthFound {
  month: string;
  report: Report | null;
}

/** The month that is named, or the one that goes on; it may be one in which nobody watched. */
export async function askMonth(
  api: Api,
  link: string,
  month: string,
  signal: AbortSignal,
): Promise<MonthFound> {
  try {
    const report = await api.get<Report>('report', { link, month }, signal);
    return { month: report.month, report };
  } catch (cause) {
    if (!(cause instanceof ApiError) || cause.status !== 404) throw cause;
    const shown = month || new Date(api.now()).toISOString().slice(0, 7);
    return { month: shown, report: null };
  }
}
