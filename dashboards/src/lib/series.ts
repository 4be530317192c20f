/** From the API's answer to what a chart draws. Pure: the moment of drawing comes in. */

import type { Buckets, Series, Statistics, Volume, Volumes } from './api';
import { compareCategories, lookOf, type Look } from './categories';
import type { Interval, Millis } from './time';
import type { Count } from './units';
import type { Measure } from './url';

export type Rates = (number | null)[];

/** One class: rates for each drawn bucket, null where nothing was observed. */
export interface Layer extends Look {
  /** Its values of the dimensions, joined: its name in addresses. */
  key: string;
  values: string[];
  in: Rates;
  out: Rates;
  /** Of the period before, where it was asked for. */
  before: { in: Rates; out: Rates } | null;
  statistics: { in: Statistics | null; out: Statistics | null };
  /** Over the whole range. */
  totals: { in: Volume | null; out: Volume | null };
}

export interface Chart {
  measure: Measure;
  stepSeconds: number;
  interval: Interval;
  /** In stands above and out below the line; otherwise everything stands above. */
  mirrored: boolean;
  /** Start of each drawn bucket. */
  starts: Millis[];
  /** In the order of the stack, from the zero line outwards. */
  layers: Layer[];
  /** Sums over all layers. */
  total: { in: Rates; out: Rates };
  before: { in: Rates; out: Rates } | null;
  /** Buckets without an observation, as stretches of time; what is not yet due is none of them. */
  gaps: Interval[];
  /** Number of drawn buckets without an observation. */
  unobserved: number;
}

export interface ChartSettings {
  /** What is shown; the API widens it to whole buckets. */
  interval: Interval;
  now: Millis;
  dimensions: readonly string[];
  measure?: Measure;
  /** Places of values that have a fixed one, such as configured links. */
  places?: readonly string[];
}

/**
 * How long after its end a bucket is still left out. The aggregator closes an interval some seconds after
 * its end, and the writer collects for a moment: a minute whose last ten seconds are still on their way
 * would look like a fall.
 */
export const SETTLE_MS = 30_000;
const FIELD = { bits: 'octets', packets: 'packets', flows: 'flows' } as const;

/**
 * Rates by class and direction. Left out are buckets of which only a part was counted, and the last one until it is
 * complete: both would look like a fall. A bucket without an observation is null.
 */
export function chartOf(volumes: Volumes, settings: ChartSettings): Chart {
  const { interval, now, dimensions, measure = 'bits' } = settings;
  const { kept, starts, seen } = drawnBuckets(volumes, now);
  const step = volumes.step_seconds;
  const rate = (count: Count) => (Number(count) * (measure === 'bits' ? 8 : 1)) / step;

  const layers = new Map<string, Layer>();
  const before = volumes.previous ? new Map(volumes.previous.series.map(keyed)) : null;
  const mirrored =
    !dimensions.includes('direction') &&
    volumes.series.some(({ group }) => group.direction !== undefined);
  for (const series of volumes.series) {
    const values = dimensions.map((dimension) => series.group[dimension] ?? 'unknown');
    const key = values.join(' · ');
    const side = mirrored && series.group.direction === 'out' ? 'out' : 'in';
    let layer = layers.get(key);
    if (!layer) {
      // A class that one direction lacks was observed there as nothing.
      const nothing = () => seen.map((observed) => (observed ? 0 : null));
      layer = {
        ...{ key, values, label: key, colour: '', hatched: false },
        ...{ in: nothing(), out: nothing(), before: null },
        statistics: { in: null, out: null },
        totals: { in: null, out: null },
      };
      layers.set(key, layer);
    }
    layer[side] = ratesOf(series, volumes.observed, kept, measure, rate);
    layer.statistics[side] = series.statistics ?? null;
    layer.totals[side] = series.total;
    const past = before?.get(keyed(series)[0]);
    if (past && volumes.previous) {
      layer.before ??= { in: [], out: [] };
      layer.before[side] = ratesOf(past, volumes.previous.observed, kept, measure, rate);
    }
  }

  const ordered = dress([...layers.values()], dimensions, settings.places ?? []);
  return {
    measure,
    stepSeconds: step,
    interval,
    mirrored,
    starts,
    layers: ordered,
    total: { in: sum(ordered, 'in', seen), out: sum(ordered, 'out', seen) },
    before: before ? sumBefore(ordered, volumes.previous, kept) : null,
    gaps: gapsOf(starts, seen, step * 1000, interval),
    unobserved: seen.filter((observed) => !observed).length,
  };
}

/** Which buckets are whole and due, and which of them were observed. */
function drawnBuckets(
  volumes: Volumes,
  now: Millis,
): { kept: number[]; starts: Millis[]; seen: boolean[] } {
  const counted = { from: Date.parse(volumes.from), to: Date.parse(volumes.to) };
  const step = volumes.step_seconds * 1000;
  const kept: number[] = [];
  const starts: Millis[] = [];
  volumes.buckets.forEach((text, index) => {
    const start = Date.parse(text);
    const end = start + step;
    if (start < counted.from || end > counted.to || end > now - SETTLE_MS) return;
    kept.push(index);
    starts.push(start);
  });
  const seen = kept.map((index) => volumes.observed[index] === true);
  // The newest interval may be on its way: as long as it is due, its absence is not a gap.
  while (
    seen.length > 0 &&
    seen.at(-1) === false &&
    (starts.at(-1) ?? 0) + step > now - SETTLE_MS - 3 * 10_000
  ) {
    seen.pop();
    kept.pop();
    starts.pop();
  }
  return { kept, starts, seen };
}

function keyed(series: Series): [string, Series] {
  return [JSON.stringify(Object.entries(series.group).sort()), series];
}

function ratesOf(
  series: Series,
  observed: boolean[],
  kept: number[],
  measure: Measure,
  rate: (count: Count) => number,
): Rates {
  const counts = series[FIELD[measure]];
  return kept.map((index) => {
    const count = counts[index];
    if (observed[index] !== true || count === null || count === undefined) return null;
    return rate(count);
  });
}

/** Colours, names and order: categories have theirs; all else by size, `other` outermost. */
function dress(layers: Layer[], dimensions: readonly string[], places: readonly string[]): Layer[] {
  const size = ({ totals }: Layer) =>
    Number(totals.in?.octets ?? 0) + Number(totals.out?.octets ?? 0);
  const rest = ({ values }: Layer) => values.every((value) => value === 'other');
  const [only] = dimensions;
  const fixed = dimensions.length === 1 && only === 'category';
  const ordered = fixed
    ? layers.sort((a, b) => compareCategories(a.key, b.key))
    : layers.sort((a, b) => Number(rest(a)) - Number(rest(b)) || size(b) - size(a));
  ordered.forEach((layer, rank) => {
    if (rest(layer)) Object.assign(layer, lookOf(only ?? '', 'other', 0));
    else if (dimensions.length === 1) {
      const place = places.indexOf(layer.key);
      Object.assign(layer, lookOf(only ?? '', layer.key, place < 0 ? rank : place));
    } else {
      const looks = layer.values.map((value, at) => lookOf(dimensions[at] ?? '', value, rank));
      layer.label = looks.map(({ label }) => label).join(' · ');
      layer.colour = lookOf('', layer.key, rank).colour;
    }
  });
  return ordered;
}

function sum(layers: Layer[], direction: 'in' | 'out', seen: boolean[]): Rates {
  return seen.map((observed, place) =>
    observed ? layers.reduce((total, layer) => total + (layer[direction][place] ?? 0), 0) : null,
  );
}

function sumBefore(
  layers: Layer[],
  previous: Buckets | null | undefined,
  kept: number[],
): { in: Rates; out: Rates } {
  const seen = kept.map((index) => previous?.observed[index] === true);
  const side = (direction: 'in' | 'out') =>
    seen.map((observed, place) =>
      observed
        ? layers.reduce((total, { before }) => total + (before?.[direction][place] ?? 0), 0)
        : null,
    );
  return { in: side('in'), out: side('out') };
}

function gapsOf(starts: Millis[], seen: boolean[], step: number, shown: Interval): Interval[] {
  const gaps: Interval[] = [];
  starts.forEach((start, place) => {
    if (seen[place]) return;
    const from = Math.max(start, shown.from);
    const to = Math.min(start + step, shown.to);
    const last = gaps.at(-1);
    if (last && last.to === from) last.to = to;
    else if (to > from) gaps.push({ from, to });
  });
  return gaps;
}

/**
 * Adds what the listed classes leave of the whole, as `other`, so that the stack reaches the whole. Exact: octets are
 * subtracted as integers.
 */
export function withRest(listed: Volumes, whole: Volumes, dimensions: readonly string[]): Volumes {
  const rest = (wholeOf: Buckets, listedOf: Buckets): Series[] =>
    wholeOf.series.flatMap((series) => {
      const parts = listedOf.series.filter(
        ({ group }) => group.direction === series.group.direction,
      );
      const group: Series['group'] = { ...series.group };
      for (const dimension of dimensions) group[dimension] = 'other';
      const left = (field: 'octets' | 'packets' | 'flows') =>
        series[field].map((count, at) =>
          count === null
            ? null
            : less(
                count,
                parts.map((part) => part[field][at] ?? 0),
              ),
        );
      const total = (field: keyof Volume) =>
        less(
          series.total[field],
          parts.map((part) => part.total[field]),
        );
      const totals = { octets: total('octets'), packets: total('packets'), flows: total('flows') };
      if (BigInt(totals.octets) <= 0n && BigInt(totals.packets) <= 0n) return [];
      return [
        {
          group,
          octets: left('octets'),
          packets: left('packets'),
          flows: left('flows'),
          total: totals,
        },
      ];
    });
  const answer = { ...listed, series: [...listed.series, ...rest(whole, listed)] };
  if (listed.previous && whole.previous) {
    const series = [...listed.previous.series, ...rest(whole.previous, listed.previous)];
    answer.previous = { ...listed.previous, series };
  }
  return answer;
}

/** Two answers may be a moment apart: nothing becomes less than nothing. */
function less(whole: Count, parts: Count[]): Count {
  const left = parts.reduce<bigint>((rest, part) => rest - BigInt(part), BigInt(whole));
  if (left <= 0n) return 0;
  return left <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(left) : left;
}

/** A point of the drawn line, and the bucket whose rate stands there. */
export interface Point {
  at: Millis;
  bucket: number;
}

/**
 * Where the lines go. A rate belongs to its whole bucket, so it stands in the middle; a run of observed
 * buckets is drawn from the start of its first to the end of its last one, so that a single bucket
 * between two gaps is seen as well. A bucket that was not observed has its point too: it breaks the line,
 * and the tooltip finds it rather than a far neighbour.
 */
export function pointsOf(starts: readonly Millis[], step: Millis, rates: Rates): Point[] {
  const points: Point[] = [];
  const known = (place: number) => typeof rates[place] === 'number';
  starts.forEach((start, bucket) => {
    if (known(bucket) && !known(bucket - 1)) points.push({ at: start, bucket });
    points.push({ at: start + step / 2, bucket });
    if (known(bucket) && !known(bucket + 1)) points.push({ at: start + step, bucket });
  });
  return points;
}

/** One line's coordinates. Out is drawn below zero, on the same scale. */
export function coordinates(
  points: Point[],
  rates: Rates,
  direction: 'in' | 'out',
): [Millis, number | null][] {
  const sign = direction === 'in' ? 1 : -1;
  return points.map(({ at, bucket }) => {
    const rate = rates[bucket];
    // Not -0, which would be printed with its sign.
    return [at, rate === null || rate === undefined ? null : rate === 0 ? 0 : sign * rate];
  });
}

/** The highest rate; null where nothing was observed. */
export function highest(rates: Rates): number | null {
  return rates.reduce<number | null>(
    (best, rate) => (rate === null ? best : Math.max(best ?? 0, rate)),
    null,
  );
}

/** The mean over what was observed; null where nothing was. */
export function mean(rates: Rates): number | null {
  const known = rates.filter((rate) => rate !== null);
  return known.length === 0 ? null : known.reduce((sum, rate) => sum + rate, 0) / known.length;
}
