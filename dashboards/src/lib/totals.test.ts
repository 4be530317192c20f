import { describe, expect, test } from 'vitest';
import type { Totals } from './api';
import { formatRatio, rowsBy, tableBy, topTable } from './totals';
import type { Count } from './units';

function totals(rows: [string, string, Count][], total?: Count): Totals {
  const octets = total ?? rows.reduce<bigint>((sum, row) => sum + BigInt(row[2]), 0n);
  return {
    from: '',
    to: '',
    rows: rows.map(([service, direction, octets]) => ({
      group: { service, direction },
      octets,
      packets: 2,
      flows: 1,
    })),
    total: { octets, packets: rows.length * 2, flows: rows.length },
    group_by: ['service', 'direction'],
    groups: rows.length,
  };
}

test('directions of a name are one row; the largest comes first, equals by name', () => {
  const rows = rowsBy(
    totals([
      ['b', 'in', 10],
      ['a', 'out', 10],
      ['c', 'in', 30],
      ['c', 'out', 50],
    ]),
    'service',
  );
  expect(rows.map(({ name, octets }) => [name, octets])).toEqual([
    ['c', 80n],
    ['a', 10n],
    ['b', 10n],
  ]);
  expect(rows[0]).toMatchObject({ inOctets: 30n, outOctets: 50n, packets: 4n, flows: 2n });
  expect(rows[0]?.share).toBe(0.8);
});

test('a table of all rows adds up, and keeps every digit beyond 2^53', () => {
  const { rows, rest, total } = tableBy(
    totals([
      ['a', 'in', 9_007_199_254_740_993n],
      ['a', 'out', 2],
      ['b', 'out', 1],
    ]),
    'service',
  );
  expect(rest).toBeNull();
  expect(rows.map(({ octets }) => octets.toString())).toEqual(['9007199254740995', '1']);
  expect(total.octets.toString()).toBe('9007199254740996');
  expect(total).toMatchObject({ inOctets: 9_007_199_254_740_993n, outOctets: 3n });
});

test('a table of nothing is empty, without a division by zero', () => {
  const table = tableBy(totals([]), 'service');
  expect(table).toMatchObject({ rows: [], rest: null });
  expect(table.total).toMatchObject({ octets: 0n, share: 0 });
});

describe('a table of the largest', () => {
  const single = (name: string, octets: number) => ({
    group: { service: name },
    octets,
    packets: 2,
    flows: 1,
  });
  const largest: Totals = {
    from: '',
    to: '',
    rows: [single('a', 100), single('b', 60), single('c', 30), single('other', 10)],
    total: { octets: 200, packets: 8, flows: 4 },
    group_by: ['service'],
    groups: 4,
  };
  const split = totals([
    ['a', 'in', 70],
    ['a', 'out', 30],
    ['b', 'out', 60],
    ['c', 'in', 29],
    ['other', 'other', 11],
  ]);
  const { total: directions } = tableBy(
    totals([
      ['x', 'in', 105],
      ['x', 'out', 95],
    ]),
    'service',
  );
  const { rows, rest, total } = topTable(largest, split, 'service', directions);

  test('divides each by direction; what the split lacks is what the other direction leaves', () => {
    expect(rows.map((row) => [row.name, row.inOctets, row.outOctets])).toEqual([
      ['a', 70n, 30n],
      ['b', 0n, 60n],
      ['c', 29n, 1n],
    ]);
  });

  test('adds up: rows, rest and total, in each direction', () => {
    for (const key of ['octets', 'packets', 'flows', 'inOctets', 'outOctets'] as const) {
      expect(rows.reduce((sum, row) => sum + row[key], rest?.[key] ?? 0n)).toBe(total[key]);
    }
    expect(total).toMatchObject({ octets: 200n, inOctets: 105n, outOctets: 95n });
    expect(rest?.share).toBe(0.05);
  });

  test('has no rest where the API sent none', () => {
    const all = { ...largest, rows: largest.rows.slice(0, 3) };
    expect(topTable(all, split, 'service', directions).rest).toBeNull();
  });

  test('answers a moment apart give nothing negative', () => {
    const later = totals([['a', 'in', 400]]);
    const table = topTable(largest, later, 'service', directions);
    expect(table.rows[0]).toMatchObject({ inOctets: 100n, outOctets: 0n });
    expect(table.rest?.inOctets).toBeGreaterThanOrEqual(0n);
  });
});

test.each([
  [0n, 0n, '–'],
  [0n, 5n, '∞'],
  [100n, 250n, '2.50'],
  [100n, 0n, '0.00'],
  [1_000_000n, 1n, '<0.01'],
  [1n, 12n, '12.0'],
  [1n, 1234n, '1234'],
])('out : in of %d and %d', (incoming, outgoing, text) => {
  expect(formatRatio(incoming, outgoing)).toBe(text);
});

test('a share is not rounded to nothing', () => {
  const { rows } = tableBy(
    totals([
      ['much', 'in', 1_000_000_000_000],
      ['little', 'in', 168],
    ]),
    'service',
  );
  expect(rows[1]?.share).toBeGreaterThan(0);
});
