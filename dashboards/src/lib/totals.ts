/** Rows of the tables: exact sums, kept as bigint so that they equal the API's to the digit. */

import type { Totals, Volume } from './api';
import type { Count } from './units';

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
  /** What stands below the row limit, summed; null when every row is shown. */
  rest: (Row & { count: number }) | null;
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
  return whole === 0n ? 0 : Number((part * 1_000_000n) / whole) / 1_000_000;
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

/** The `limit` largest rows, what is left, and the whole. The three always add up. */
export function tableBy(totals: Totals, dimension: string, limit: number): Table {
  const all = rowsBy(totals, dimension);
  const total = empty('total');
  total.octets = exact(totals.total.octets);
  total.packets = exact(totals.total.packets);
  total.flows = exact(totals.total.flows);
  total.inOctets = all.reduce((sum, row) => sum + row.inOctets, 0n);
  total.outOctets = all.reduce((sum, row) => sum + row.outOctets, 0n);
  total.share = total.octets === 0n ? 0 : 1;

  // A rest of one row takes no less room than that row.
  const shown = all.length === limit + 1 ? all : all.slice(0, limit);
  const rest = { ...empty('rest'), count: all.length - shown.length };
  rest.octets = total.octets - shown.reduce((sum, row) => sum + row.octets, 0n);
  rest.packets = total.packets - shown.reduce((sum, row) => sum + row.packets, 0n);
  rest.flows = total.flows - shown.reduce((sum, row) => sum + row.flows, 0n);
  rest.inOctets = total.inOctets - shown.reduce((sum, row) => sum + row.inOctets, 0n);
  rest.outOctets = total.outOctets - shown.reduce((sum, row) => sum + row.outOctets, 0n);
  rest.share = share(rest.octets, total.octets);
  return { rows: shown, rest: rest.count > 0 ? rest : null, total };
}

/** "out : in" as engineers say it in peering: 2.5 means 2.5 times as much goes out as comes in. */
export function formatRatio(inOctets: bigint, outOctets: bigint): string {
  if (inOctets === 0n && outOctets === 0n) return '–';
  if (inOctets === 0n) return '∞';
  const ratio = Number((outOctets * 10_000n) / inOctets) / 10_000;
  if (ratio === 0 && outOctets > 0n) return '<0.01';
  return ratio >= 100 ? ratio.toFixed(0) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2);
}
