import { describe, expect, test } from 'vitest';
import type { Totals } from './api';
import { formatRatio, rowsBy, tableBy } from './totals';
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

describe('a table', () => {
  const many = totals(Array.from({ length: 14 }, (_, n) => [`s${n}`, 'in', 100 - n]));

  test('adds up: rows, rest and total', () => {
    const { rows, rest, total } = tableBy(many, 'service', 10);
    expect(rows).toHaveLength(10);
    expect(rest?.count).toBe(4);
    for (const key of ['octets', 'packets', 'flows', 'inOctets', 'outOctets'] as const) {
      const sum = rows.reduce((sum, row) => sum + row[key], rest?.[key] ?? 0n);
      expect(sum).toBe(total[key]);
    }
  });

  test('a single row is not hidden behind “1 more”', () => {
    expect(tableBy(many, 'service', 13)).toMatchObject({ rest: null });
    expect(tableBy(many, 'service', 13).rows).toHaveLength(14);
  });

  test('keeps every digit beyond 2^53', () => {
    const big = 9_007_199_254_740_993n;
    const table = tableBy(
      totals([
        ['a', 'in', big],
        ['a', 'out', 2],
      ]),
      'service',
      10,
    );
    expect(table.total.octets.toString()).toBe('9007199254740995');
    expect(table.rows[0]?.octets.toString()).toBe('9007199254740995');
  });

  test('of nothing is empty, without a division by zero', () => {
    const table = tableBy(totals([]), 'service', 10);
    expect(table).toMatchObject({ rows: [], rest: null });
    expect(table.total).toMatchObject({ octets: 0n, share: 0 });
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
