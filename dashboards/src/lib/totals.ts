/** Rows of the tables: exact sums, kept as bigint so that they equal the API's to the digit. */

import type { Totals, Volume } from './api';
import { decimal, type Count } from './units';

/** One row: both directions together, and each. */
export interface Row {
  name: string;
  octets: bigint;
  packets: bigint;
  flows: bigint;
  inOctets: bigint;
  outOctets: bigint;
  /** Of all octets in the range, 0 to 1. */
  share: number;
}

export interface Table {
  rows: Row[];
  /** What is not among the rows, summed; null when every row is shown. */
  rest: Row | null;
  /** The whole range, as the API states it. */
  total: Row;
}

/** The word for "no service is known" in the API. */
export const NO_SERVICE = 'none';

function exact(count: Count): bigint {
  return BigInt(count);
}

function empty(name: string): Row {
  return { name, octets: 0n, packets: 0n, flows: 0n, inOctets: 0n, outOctets: 0n, share: 0 };
}

function add(row: Row, volume: Volume, direction: string | undefined): void {
  const octets = exact(volume.octets);
  row.octets += octets;
  row.packets += exact(volume.packets);
  row.flows += exact(volume.flows);
  if (direction === 'in') row.inOctets += octets;
  if (direction === 'out') row.outOctets += octets;
}

/** A part of a whole that may be zero. */
function share(part: bigint, whole: bigint): number {
  return whole === 0n ? 0 : Number((part * 1_000_000_000_000n) / whole) / 1_000_000_000_000;
}

/** All rows of an answer grouped by `dimension` and direction, the largest first. */
export function rowsBy(totals: Totals, dimension: string): Row[] {
  const rows = new Map<string, Row>();
  const whole = exact(totals.total.octets);
  for (const row of totals.rows) {
    const name = row.group[dimension] ?? 'unknown';
    const into = rows.get(name) ?? empty(name);
    rows.set(name, into);
    add(into, row, row.group.direction);
  }
  const sorted = [...rows.values()].sort((a, b) =>
    a.octets === b.octets ? (a.name < b.name ? -1 : 1) : a.octets > b.octets ? -1 : 1,
  );
  for (const row of sorted) row.share = share(row.octets, whole);
  return sorted;
}

/** All rows of an answer grouped by `dimension` and direction, and the whole. */
export function tableBy(totals: Totals, dimension: string): Table {
  const rows = rowsBy(totals, dimension);
  const total = wholeOf(totals);
  total.inOctets = rows.reduce((sum, row) => sum + row.inOctets, 0n);
  total.outOctets = rows.reduce((sum, row) => sum + row.outOctets, 0n);
  return { rows, rest: null, total };
}

/**
 * The largest rows, what is left, and the whole. The largest are found by the API, over both directions;
 * `split`, the same grouped by direction too, only says how each divides, and may lack what is small: the
 * direction that it lacks is what the other one leaves.
 */
export function topTable(
  largest: Totals,
  split: Totals,
  dimension: string,
  directions: Pick<Row, 'inOctets' | 'outOctets'>,
): Table {
  const halves = new Map(rowsBy(split, dimension).map((row) => [row.name, row]));
  const total = wholeOf(largest);
  total.inOctets = directions.inOctets;
  total.outOctets = directions.outOctets;
  const rest = empty(REST);
  rest.inOctets = total.inOctets;
  rest.outOctets = total.outOctets;
  let more = false;
  const rows: Row[] = [];
  for (const row of largest.rows) {
    const name = row.group[dimension] ?? 'unknown';
    if (name === REST) {
      add(rest, row, undefined);
      more = true;
      continue;
    }
    const into = empty(name);
    add(into, row, undefined);
    const half = halves.get(name);
    if (half && half.inOctets > 0n) into.inOctets = smaller(half.inOctets, into.octets);
    else into.inOctets = into.octets - smaller(half?.outOctets ?? 0n, into.octets);
    into.outOctets = into.octets - into.inOctets;
    into.share = share(into.octets, total.octets);
    // Two answers may be a moment apart: nothing becomes less than nothing.
    rest.inOctets -= smaller(into.inOctets, rest.inOctets);
    rest.outOctets -= smaller(into.outOctets, rest.outOctets);
    rows.push(into);
  }
  rest.share = share(rest.octets, total.octets);
  return { rows, rest: more ? rest : null, total };
}

/** The API's word for the groups beyond the largest. */
const REST = 'other';

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function wholeOf({ total }: Totals): Row {
  const whole = empty('total');
  add(whole, total, undefined);
  whole.share = whole.octets === 0n ? 0 : 1;
  return whole;
}

/** "out : in" as engineers say it in peering: 2.5 means 2.5 times as much goes out as comes in. */
export function formatRatio(inOctets: bigint, outOctets: bigint): string {
  if (inOctets === 0n && outOctets === 0n) return '–';
  if (inOctets === 0n) return '∞';
  const ratio = Number((outOctets * 10_000n) / inOctets) / 10_000;
  if (ratio === 0 && outOctets > 0n) return decimal('<0.01');
  return decimal(ratio.toFixed(ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2));
}
