import { describe, expect, test } from 'vitest';
import { DEFAULT_RANGE } from './time';
import { parseView, printView } from './view';

const NOW = Date.parse('2026-01-31T18:00:00Z');

describe('what is in the URL comes back', () => {
  test.each([
    '?from=now-1h&to=now',
    '?from=now-30d&to=now-1d&theme=dark',
    '?from=2026-01-31T17:00:00Z&to=2026-01-31T18:00:00Z&link=transit-a&link=ix%20b%2B%26c&tz=utc',
  ])('%s', (search) => {
    const { view, problems } = parseView(search, NOW);
    expect(problems).toEqual([]);
    expect(printView(view)).toBe(search);
  });
});

test('without parameters: the last hour of all links', () => {
  const { view, problems } = parseView('', NOW);
  expect(problems).toEqual([]);
  expect(view).toEqual({ range: DEFAULT_RANGE, links: [], theme: 'auto', zone: 'local' });
});

test('an offset whose plus was not escaped', () => {
  const { view, problems } = parseView(
    '?from=2026-01-31T17:00:00+02:00&to=2026-01-31T18:00:00+02:00',
    NOW,
  );
  expect(problems).toEqual([]);
  expect(printView(view)).toBe('?from=2026-01-31T15:00:00Z&to=2026-01-31T16:00:00Z');
});

test.each([
  ['?from=banana&to=now', '“banana” is not a time'],
  ['?from=now&to=now-1h', 'ends before it starts'],
  ['?from=now-1h&to=now&theme=pink', 'unknown theme'],
  ['?from=now-1h&to=now&tz=mars', 'unknown time zone'],
])('%s gives the default and says so', (search, problem) => {
  const { view, problems } = parseView(search, NOW);
  expect(view).toEqual(parseView('', NOW).view);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(problem);
});

test('links: each once, and no more than a request can name', () => {
  expect(parseView('?link=a&link=a&link=', NOW).view.links).toEqual(['a']);
  const many = Array.from({ length: 80 }, (_, n) => `link=l${n}`).join('&');
  const { view, problems } = parseView(`?${many}`, NOW);
  expect(view.links).toHaveLength(50);
  expect(problems[0]).toContain('first 50 links');
});
