import { describe, expect, test } from 'vitest';
import {
  DEFAULT_RANGE,
  PRESETS,
  chooseStep,
  dragged,
  endsNow,
  formatInterval,
  parseMoment,
  parseRange,
  printMoment,
  printTime,
  resolve,
  shift,
  zoomOut,
  type Range,
} from './time';

const NOW = Date.parse('2026-01-31T18:00:07.500Z');
const at = (text: string) => ({ kind: 'absolute', at: Date.parse(text) }) as const;

function range(from: string, to: string): Range {
  const parsed = parseRange(from, to, 'utc', NOW);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed.range;
}

describe('moments', () => {
  test.each([
    ['now', 'now'],
    [' NOW ', 'now'],
    ['now-6h', 'now-6h'],
    ['now - 15m', 'now-15m'],
    ['now-90s', 'now-90s'],
    ['now-2w', 'now-2w'],
    ['2026-01-31T18:00:00Z', '2026-01-31T18:00:00Z'],
    ['2026-01-31t18:00:00z', '2026-01-31T18:00:00Z'],
    ['2026-01-31T18:00:00+05:30', '2026-01-31T12:30:00Z'],
    ['2026-01-31T18:00:00-08:00', '2026-02-01T02:00:00Z'],
    ['2026-01-31T18:00:00.25Z', '2026-01-31T18:00:00.250Z'],
    ['2026-01-31 18:00', '2026-01-31T18:00:00Z'],
    ['2026-01-31', '2026-01-31T00:00:00Z'],
  ])('%s is read as %s', (text, printed) => {
    const moment = parseMoment(text, 'utc');
    expect(moment && printMoment(moment)).toBe(printed);
    // And what was printed is read as the same again.
    expect(parseMoment(printed, 'local')).toEqual(moment);
  });

  test.each([
    '',
    'yesterday',
    'now+1h',
    'now-h',
    'now-1y',
    'now-99999999w',
    '2026-02-31T00:00:00Z',
    '2026-13-01',
    '2026-01-31T24:00:00Z',
    '2026-01-31T18:60:00Z',
    '2026-01-31T18:00:00+99:00',
    '26-01-31',
    '1769882400',
  ])('“%s” is refused', (text) => expect(parseMoment(text, 'utc')).toBeNull());
});

describe('ranges', () => {
  test('each error says what is wrong', () => {
    const error = (from: string, to: string) => {
      const parsed = parseRange(from, to, 'utc', NOW);
      return 'error' in parsed ? parsed.error : 'no error';
    };
    expect(error('soon', 'now')).toContain('“soon” is not a time the range can start at');
    expect(error('now-1h', 'later')).toContain('“later” is not a time the range can end at');
    expect(error('now', 'now-1h')).toContain('ends before it starts');
    expect(error('now', 'now')).toContain('ends before it starts');
    expect(error('2026-01-31T18:00:00Z', '2026-01-31T18:00:05Z')).toContain(
      'shorter than the 10 s',
    );
    expect(error('2015-01-01', '2026-01-01')).toContain('longer than 10 years');
    expect(error('x'.repeat(5000), 'now').length).toBeLessThan(250);
  });

  test('relative ends stand on whole intervals of the probe', () => {
    expect(resolve(DEFAULT_RANGE, NOW)).toEqual({
      from: Date.parse('2026-01-31T17:00:00Z'),
      to: Date.parse('2026-01-31T18:00:00Z'),
    });
  });

  test('absolute ends stay as they are written', () => {
    const { from, to } = resolve(range('2026-01-31T17:00:03Z', '2026-01-31T17:30:04Z'), NOW);
    expect([printTime(from), printTime(to)]).toEqual([
      '2026-01-31T17:00:03Z',
      '2026-01-31T17:30:04Z',
    ]);
  });

  test('back and on again comes back to the preset', () => {
    for (const preset of PRESETS) {
      const back = shift(preset.range, -1, NOW);
      expect(endsNow(back)).toBe(false);
      expect(shift(back, 1, NOW)).toEqual(preset.range);
    }
  });

  test('one period back', () => {
    expect(shift(range('2026-01-31T12:00:00Z', '2026-01-31T13:00:00Z'), -1, NOW)).toEqual({
      from: at('2026-01-31T11:00:00Z'),
      to: at('2026-01-31T12:00:00Z'),
    });
  });

  test('zooming out never reaches into the future', () => {
    const wide = zoomOut(DEFAULT_RANGE, NOW);
    expect(endsNow(wide)).toBe(true);
    expect(printMoment(wide.from)).toBe('now-2h');
    expect(zoomOut(range('2026-01-30T12:00:00Z', '2026-01-30T13:00:00Z'), NOW)).toEqual({
      from: at('2026-01-30T11:30:00Z'),
      to: at('2026-01-30T13:30:00Z'),
    });
  });

  test('a drag in either direction lands on whole intervals, and is never empty', () => {
    const a = Date.parse('2026-01-31T12:00:13Z');
    const b = Date.parse('2026-01-31T12:10:01Z');
    const expected = { from: at('2026-01-31T12:00:10Z'), to: at('2026-01-31T12:10:10Z') };
    expect(dragged(a, b)).toEqual(expected);
    expect(dragged(b, a)).toEqual(expected);
    const point = Date.parse('2026-01-31T12:00:10Z');
    expect(dragged(point, point).to).toEqual(at('2026-01-31T12:00:20Z'));
  });
});

test.each([
  [900, 10],
  [3600, 10],
  [4001, 30],
  [6 * 3600, 60],
  [86_400, 300],
  [7 * 86_400, 3600],
  [30 * 86_400, 21_600],
  [365 * 86_400, 86_400],
  [10 * 365 * 86_400, 10 * 86_400],
])('a range of %d s has steps of %d s', (seconds, step) => {
  expect(chooseStep({ from: 0, to: seconds * 1000 })).toBe(step);
  expect(seconds / step).toBeLessThanOrEqual(400);
});

test('an interval names its date once', () => {
  const hour = resolve(DEFAULT_RANGE, NOW);
  expect(formatInterval(hour, 'utc')).toBe('2026-01-31 17:00:00 – 18:00:00');
  expect(formatInterval({ from: hour.from, to: hour.to + 86_400_000 }, 'utc')).toBe(
    '2026-01-31 17:00:00 – 2026-02-01 18:00:00',
  );
});
