/** What Explore asks for a view. The same questions as addresses, to copy and to show as SQL. */

import {
  ApiError,
  MOST_GROUPS,
  apiUrl,
  rangeOf,
  search,
  volumeParameters,
  type Api,
  type Group,
  type Parameters,
  type Totals,
  type VolumeRequest,
  type Volumes,
} from './api';
import { withRest } from './series';
import { chooseStep, type Interval } from './time';
import { both, oneOf, predicate } from './filter';
import type { Dimension, View } from './url';
import { zoneId } from './zone';

export interface Explored {
  volumes: Volumes;
  /** All classes together, with statistics of their own. */
  whole: Volumes;
  /** How many classes there are; those beyond the largest are `other`. */
  groups: number;
  interval: Interval;
  at: number;
}

/** The most nodes of a column that the API gives. */
const MOST_NODES = 30;

/** What of the view shapes the question. */
export type Question = Pick<View, 'filter' | 'by' | 'side' | 'top' | 'previous'>;

/** In and out are told apart, and mirrored. */
export function isMirrored({ by, side }: Pick<Question, 'by' | 'side'>): boolean {
  return side === 'both' && !by.includes('direction');
}

function base({ filter, previous }: Question, interval: Interval): Omit<VolumeRequest, 'groupBy'> {
  return {
    interval,
    filter,
    step: chooseStep(interval),
    statistics: true,
    compare: previous ? 'previous' : undefined,
  };
}

function sideOf({ side }: Question): VolumeRequest['only'] {
  return side === 'in' || side === 'out' ? { direction: [side] } : {};
}

/** The question in one request, as people copy it; the page may ask it in several. */
export function requestOf(question: Question, interval: Interval): VolumeRequest {
  const groupBy: Dimension[] = isMirrored(question) ? [...question.by, 'direction'] : question.by;
  return { ...base(question, interval), groupBy, only: sideOf(question), top: question.top };
}

/**
 * The largest classes over time. Mirrored, the largest of both directions together are told apart in each: a class that
 * is large one way only has its other way too.
 */
export async function explore(
  api: Api,
  question: Question,
  interval: Interval,
  signal: AbortSignal,
): Promise<Explored> {
  const at = api.now();
  const { by, top } = question;
  const common = base(question, interval);
  if (!isMirrored(question)) {
    const only = sideOf(question);
    const [volumes, whole] = await Promise.all([
      api.volumes({ ...common, groupBy: by, only, top }, signal),
      api.volumes({ ...common, groupBy: [], only }, signal),
    ]);
    return { volumes, whole, groups: volumes.groups ?? volumes.series.length, interval, at };
  }
  const { filter } = question;
  const [largest, whole] = await Promise.all([
    api.totals({ interval, filter, groupBy: by, top }, signal),
    api.volumes({ ...common, groupBy: ['direction'] }, signal),
  ]);
  const named = largest.rows
    .filter(({ group }) => !by.every((name) => group[name] === 'other'))
    .slice(0, top);
  const groups = largest.groups ?? largest.rows.length;
  if (named.length === 0) return { volumes: whole, whole, groups, interval, at };
  const request = { ...common, groupBy: [...by, 'direction'], top: MOST_GROUPS };
  let listed: Volumes;
  try {
    listed = await api.volumes({ ...request, filter: among(filter, by, named) }, signal);
  } catch (cause) {
    if (!(cause instanceof ApiError) || cause.status !== 400) throw cause;
    // History may hold names that the configuration has no more, and that no filter can ask for.
    listed = await api.volumes(request, signal);
  }
  const wanted = new Set(named.map(({ group }) => keyOf(group, by)));
  const of = <T extends { group: Group }>(series: T[]) =>
    series.filter(({ group }) => wanted.has(keyOf(group, by)));
  const previous = listed.previous && {
    ...listed.previous,
    series: of(listed.previous.series),
  };
  const volumes = withRest({ ...listed, previous, series: of(listed.series) }, whole, by);
  return { volumes, whole, groups, interval, at };
}

function keyOf(group: Group, by: readonly string[]): string {
  return JSON.stringify(by.map((dimension) => group[dimension]));
}

/** The filter with each dimension bound to the values that occur in these rows. */
export function among(filter: string, by: readonly Dimension[], rows: Totals['rows']): string {
  return by.reduce((text, dimension) => {
    const values = new Set(rows.map(({ group }) => group[dimension] ?? ''));
    values.delete('');
    // `other` in one of several dimensions stands for values that nobody named.
    return values.has('other') ? text : both(text, oneOf(dimension, [...values]));
  }, filter);
}

/** For a terminal. */
export function curlOf(path: string, parameters: Parameters): string {
  return `curl '${apiUrl(path + search(parameters)).href.replaceAll("'", '%27')}'`;
}

/** What the picture that is shown asks of the API, in one request. */
export function askedOf(view: View, interval: Interval): { path: string; parameters: Parameters } {
  const { filter, top, zone } = view;
  const range = rangeOf(interval);
  if (view.chart === 'sankey') {
    return {
      path: 'sankey',
      parameters: {
        ...range,
        path: pathOf(view).join(','),
        top: Math.min(MOST_NODES, top),
        filter,
      },
    };
  }
  if (view.chart === 'heatmap')
    return { path: 'heatmap', parameters: { ...range, zone: zoneId(zone), filter } };
  return { path: 'volumes', parameters: volumeParameters(requestOf(view, interval)) };
}

/** Columns of the Sankey diagram: two or three. */
export function pathOf({ by }: Pick<View, 'by'>): Dimension[] {
  return by.length >= 2 ? by.slice(0, 3) : ['category', 'link', 'asn'];
}

export function callOf(view: View, interval: Interval): string {
  const { path, parameters } = askedOf(view, interval);
  return curlOf(path, parameters);
}

/** The filter with a class's values added. */
export function narrowed(filter: string, by: readonly string[], values: readonly string[]): string {
  return by.reduce((text, dimension, at) => {
    const value = values[at];
    return value === undefined || value === 'other'
      ? text
      : both(text, predicate(dimension, value));
  }, filter);
}
