/** From the API's answer to what the chart draws. Pure: the moment of drawing comes in. */

import type { Volumes } from './api';
import { compareCategories } from './categories';
import type { Interval, Millis } from './time';

/** One category: rates in bit/s for each drawn bucket, null where nothing was observed. */
export interface Layer {
  category: string;
  in: (number | null)[];
  out: (number | null)[];
}

export interface Chart {
  stepSeconds: number;
  interval: Interval;
  /** Start of each drawn bucket. */
  starts: Millis[];
  /** In the order of the stack, from the zero line outwards. */
  layers: Layer[];
  /** Sums over all layers. */
  total: { in: (number | null)[]; out: (number | null)[] };
  /** Buckets without an observation, as stretches of time; what is not yet due is none of them. */
  gaps: Interval[];
  /** Number of drawn buckets without an observation. */
  unobserved: number;
}

/**
 * How long after its end a bucket is still left out. The aggregator closes an interval some seconds after
 * its end, and the writer collects for a moment: a minute whose last ten seconds are still on their way
 * would look like a fall.
 */
export const SETTLE_MS = 30_000;

/**
 * Rates by category and direction. `interval` is what was asked for; the API widens it to whole buckets.
 * Left out are buckets of which only a part was counted, and the last one until it is complete: both would
 * look like a fall. A bucket without an observation is null.
 */
export function chartOf(volumes: Volumes, interval: Interval, now: Millis): Chart {
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

  const layers = new Map<string, Layer>();
  for (const series of volumes.series) {
    const direction = series.group.direction;
    if (direction !== 'in' && direction !== 'out') continue;
    const category = series.group.category ?? 'unknown';
    const layer = layers.get(category) ?? {
      category,
      // A category that one direction lacks was observed there as nothing.
      in: seen.map((observed) => (observed ? 0 : null)),
      out: seen.map((observed) => (observed ? 0 : null)),
    };
    layers.set(category, layer);
    layer[direction] = kept.map((index, place) => {
      const octets = series.octets[index];
      if (!seen[place] || octets === null || octets === undefined) return null;
      return (Number(octets) * 8) / volumes.step_seconds;
    });
  }

  const ordered = [...layers.values()].sort((a, b) => compareCategories(a.category, b.category));
  return {
    stepSeconds: volumes.step_seconds,
    interval,
    starts,
    layers: ordered,
    total: { in: sum(ordered, 'in', seen), out: sum(ordered, 'out', seen) },
    gaps: gapsOf(starts, seen, step, interval),
    unobserved: seen.filter((observed) => !observed).length,
  };
}

function sum(layers: Layer[], direction: 'in' | 'out', seen: boolean[]): (number | null)[] {
  return seen.map((observed, place) =>
    observed ? layers.reduce((total, layer) => total + (layer[direction][place] ?? 0), 0) : null,
  );
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
export function pointsOf(chart: Chart): Point[] {
  const step = chart.stepSeconds * 1000;
  const points: Point[] = [];
  const known = (place: number) => typeof chart.total.in[place] === 'number';
  chart.starts.forEach((start, bucket) => {
    if (known(bucket) && !known(bucket - 1)) points.push({ at: start, bucket });
    points.push({ at: start + step / 2, bucket });
    if (known(bucket) && !known(bucket + 1)) points.push({ at: start + step, bucket });
  });
  return points;
}

/** One line's coordinates. Out is drawn below zero, on the same scale. */
export function coordinates(
  points: Point[],
  rates: (number | null)[],
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
export function highest(rates: (number | null)[]): number | null {
  return rates.reduce<number | null>(
    (best, rate) => (rate === null ? best : Math.max(best ?? 0, rate)),
    null,
  );
}

/** The mean over what was observed; null where nothing was. */
export function mean(rates: (number | null)[]): number | null {
  const known = rates.filter((rate) => rate !== null);
  return known.length === 0 ? null : known.reduce((sum, rate) => sum + rate, 0) / known.length;
}
