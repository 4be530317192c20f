import { describe, expect, test } from 'vitest';
import { calendarRange, freeze, parseMoment, printMoment, resolve, type Range } from './time';
import { allZones, fromWall, isZone, offsetAt, timeTicks, toWall } from './zone';

const HOUR = 3_600_000;
const at = (text: string) => Date.parse(text);
const iso = (millis: number) => new Date(millis).toISOString().replace('.000Z', 'Z');

test.each([
  ['2026-01-31T12:00:00Z', 'Europe/Paris', 1],
  ['2026-07-31T12:00:00Z', 'Europe/Paris', 2],
  ['2026-03-29T00:59:59Z', 'Europe/Paris', 1],
  ['2026-03-29T01:00:00Z', 'Europe/Paris', 2],
  ['2026-10-25T00:59:59Z', 'Europe/Paris', 2],
  ['2026-10-25T01:00:00Z', 'Europe/Paris', 1],
  ['2026-01-31T12:00:00Z', 'Asia/Kathmandu', 5.75],
  ['2026-01-31T12:00:00Z', 'America/New_York', -5],
  ['2026-01-31T12:00:00Z', 'utc', 0],
])('at %s the clock of %s is %d h ahead', (text, zone, hours) => {
  expect(offsetAt(at(text), zone)).toBe(hours * HOUR);
});

describe('a clock’s reading', () => {
  test.each([
    ['2026-01-31 18:00', 'Europe/Paris', '2026-01-31T17:00:00Z'],
    ['2026-07-31 18:00', 'Europe/Paris', '2026-07-31T16:00:00Z'],
    // Twice on that night: the first.
    ['2026-10-25 02:30', 'Europe/Paris', '2026-10-25T00:30:00Z'],
    // Never on that night: as if the clock had gone on.
    ['2026-03-29 02:30', 'Europe/Paris', '2026-03-29T01:30:00Z'],
    ['2026-03-08 12:00', 'America/New_York', '2026-03-08T16:00:00Z'],
    ['2026-01-31 18:00', 'utc', '2026-01-31T18:00:00Z'],
  ])('%s in %s', (text, zone, expected) => {
    const moment = parseMoment(text, zone);
    expect(moment && printMoment(moment)).toBe(expected);
  });

  test('comes back, around both changes of a year', () => {
    for (const zone of ['Europe/Paris', 'America/Sao_Paulo', 'Australia/Lord_Howe']) {
      for (let half = 0; half < 4 * 14 * 48; half += 1) {
        // Four weeks around the changes of spring and autumn.
        const begin = half < 2 * 14 * 48 ? '2026-03-20T00:00:00Z' : '2026-10-10T00:00:00Z';
        const moment = at(begin) + (half % (2 * 14 * 48)) * (HOUR / 2);
        const back = fromWall(toWall(moment, zone).getTime(), zone);
        // In the hour that comes twice, the first of both is meant.
        expect([moment, moment - HOUR, moment - HOUR / 2]).toContain(back);
      }
    }
  });
});

test('zones', () => {
  for (const zone of ['local', 'utc', 'Europe/Paris', 'Etc/GMT+5']) expect(isZone(zone)).toBe(true);
  for (const zone of ['', 'mars', '../etc', 'x'.repeat(99)]) expect(isZone(zone)).toBe(false);
});

describe('the calendar', () => {
  const now = at('2026-10-26T09:30:00Z'); // A Monday, the day after the clocks went back.
  const hours = (range: Range) => {
    const { from, to } = resolve(range, now);
    return [iso(from), (to - from) / HOUR];
  };

  test.each([
    ['yesterday', '2026-10-24T22:00:00Z', 25],
    ['last-evening', '2026-10-25T17:00:00Z', 6],
    ['last-week', '2026-10-18T22:00:00Z', 7 * 24 + 1],
    ['last-month', '2026-08-31T22:00:00Z', 30 * 24],
  ] as const)('%s in Paris', (which, from, length) => {
    expect(hours(calendarRange(which, now, 'Europe/Paris'))).toEqual([from, length]);
  });

  test('this month goes on', () => {
    const range = calendarRange('this-month', now, 'Europe/Paris');
    expect(range.to).toEqual({ kind: 'relative', count: 0, unit: 's' });
    expect(printMoment(range.from)).toBe('2026-09-30T22:00:00Z');
  });
});

test('a frozen range stays what it was', () => {
  const now = at('2026-01-31T18:00:07Z');
  const frozen = freeze(
    {
      from: { kind: 'relative', count: 1, unit: 'h' },
      to: { kind: 'relative', count: 0, unit: 's' },
    },
    now,
  );
  expect(resolve(frozen, now + 99 * HOUR)).toEqual({
    from: at('2026-01-31T17:00:00Z'),
    to: at('2026-01-31T18:00:00Z'),
  });
});

describe('marks of the axis', () => {
  const labels = (from: string, to: string, zone: string, most = 8) =>
    timeTicks(at(from), at(to), zone, most).map(({ label }) => label);

  test('stand at round times of the zone’s clock', () => {
    expect(labels('2026-01-31T00:00:00Z', '2026-02-01T00:00:00Z', 'Asia/Kathmandu')).toEqual([
      ...['06:00', '09:00', '12:00', '15:00', '18:00', '21:00', '02-01', '03:00'],
    ]);
  });

  test('go on evenly by the clock where it is put forward', () => {
    expect(labels('2026-03-28T23:00:00Z', '2026-03-29T05:00:00Z', 'Europe/Paris')).toEqual([
      ...['03-29', '01:00', '03:00', '04:00', '05:00', '06:00', '07:00'],
    ]);
  });

  test('days are days where one has 25 hours', () => {
    const ticks = timeTicks(
      at('2026-10-23T22:00:00Z'),
      at('2026-10-27T23:00:00Z'),
      'Europe/Paris',
      6,
    );
    expect(ticks.map(({ at }) => iso(at))).toEqual([
      '2026-10-23T22:00:00Z',
      '2026-10-24T22:00:00Z',
      '2026-10-25T23:00:00Z',
      '2026-10-26T23:00:00Z',
      '2026-10-27T23:00:00Z',
    ]);
  });

  test('weeks begin on Mondays, months with their first', () => {
    for (const { at } of timeTicks(0, 100 * 86_400_000, 'utc', 20)) {
      expect(new Date(at).getUTCDay()).toBe(1);
    }
    expect(labels('2025-11-15T00:00:00Z', '2026-11-15T00:00:00Z', 'utc', 12)).toContain('2026');
  });

  test('are never more than asked for, and always within', () => {
    for (let length = 60_000; length < 10 * 366 * 86_400_000; length *= 1.37) {
      const from = at('2026-03-01T00:00:00Z');
      const ticks = timeTicks(from, from + length, 'Europe/Paris', 9);
      expect(ticks.length).toBeLessThanOrEqual(10);
      expect(ticks.every(({ at }) => at >= from && at <= from + length)).toBe(true);
    }
  });
});

test('zones are offered under the names of today', () => {
  const zones = allZones();
  expect(zones).toContain('Asia/Kathmandu');
  expect(zones).toContain('Europe/Paris');
  expect(zones).not.toContain('Asia/Calcutta');
  expect(new Set(zones).size).toBe(zones.length);
  expect(zones.every(isZone)).toBe(true);
});
