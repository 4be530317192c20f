import { describe, expect, test } from 'vitest';
import {
  CHARTS,
  DIMENSIONS,
  EVENT_KINDS,
  EVENT_STATES,
  MEASURES,
  PAGES,
  SEVERITIES,
  SIDES,
  SORTS,
  THEMES,
  defaultView,
  follow,
  parseView,
  printView,
  type View,
} from './url';
import type { Moment } from './time';

const NOW = Date.parse('2026-01-31T18:00:00Z');

/** A small generator of numbers that are always the same for a seed (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Any view of a page, with what is hardest to write into an address. */
function anyView(seed: number): View {
  const next = random(seed);
  const one = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const word = () =>
    Array.from({ length: 1 + Math.floor(next() * 12) }, () =>
      one([...'abz09-_. +&=%#?/\\"\'é€,:;()<>~']),
    ).join('');
  const moment = (from: boolean): Moment =>
    next() < 0.5
      ? { kind: 'relative', count: from ? 5 + Math.floor(next() * 9) : 0, unit: from ? 'h' : 's' }
      : { kind: 'absolute', at: NOW - (from ? 864_000_000 : 1000) - Math.floor(next() * 1e6) };
  const page = one(PAGES);
  const view = defaultView(page);
  view.range = { from: moment(true), to: moment(false) };
  view.zone = one(['local', 'utc', 'Europe/Paris', 'America/Sao_Paulo']);
  view.theme = one(THEMES);
  view.language = one([null, 'en', 'fr'] as const);
  const words = () => [...new Set(Array.from({ length: Math.floor(next() * 4) }, word))];
  if (['overview', 'events'].includes(page)) view.links = words();
  if (['overview', 'explore', 'link', 'service', 'network'].includes(page)) {
    view.previous = next() < 0.5;
    view.hidden = words();
  }
  if (page === 'explore') {
    view.filter = next() < 0.3 ? '' : `link = "${word()}" and not category in (p2p, web)`;
    view.by = DIMENSIONS.filter(() => next() < 0.3)
      .slice(0, 4)
      .reverse();
    if (view.by.length === 0) view.by = ['category'];
    view.chart = one(CHARTS);
    view.side = one(SIDES);
    view.measure = one(MEASURES);
    view.top = 1 + Math.floor(next() * 50);
  }
  if (page === 'link' || page === 'service') view.name = word();
  if (page === 'network') view.name = String(Math.floor(next() * 2 ** 32));
  if (page === 'events') {
    view.state = one(['', ...EVENT_STATES] as const);
    view.kind = one(['', ...EVENT_KINDS] as const);
    view.severity = one(['', ...SEVERITIES] as const);
    view.category = one(['', 'p2p', 'direct-download']);
  }
  if (page === 'event') {
    view.id = '20120119-1915-3fa2';
    view.of = next() < 0.5 ? '' : `service:${word()}`;
  }
  if (page === 'capacity') view.sort = one(SORTS);
  return view;
}

test('every view comes back from its address', () => {
  for (let seed = 0; seed < 300; seed++) {
    const view = anyView(seed);
    const address = new URL(printView(view), 'https://probe.example/below/a/path/');
    const read = parseView(address.pathname, address.search, NOW);
    expect(read.problems, address.href).toEqual([]);
    expect(read.view, address.href).toEqual(view);
    // And the address itself is stable.
    expect(printView(read.view)).toBe(printView(view));
  }
});

test('addresses are readable', () => {
  const view = defaultView('explore');
  view.filter = 'link = transit-a and category in (p2p, web)';
  view.by = ['service', 'link'];
  expect(printView(view)).toBe(
    './explore?v=1&from=now-24h&to=now&filter=link+%3D+transit-a+and+category+in+(p2p,+web)&by=service,link',
  );
  expect(printView(defaultView('overview'))).toBe('./?v=1&from=now-24h&to=now');
});

describe('nonsense', () => {
  const read = (path: string, search: string) => parseView(path, search, NOW);

  test.each([
    ['from=banana&to=now', '“banana” is not a time'],
    ['from=now&to=now-1h', 'ends before it starts'],
    ['from=1900-01-01&to=2026-01-01', 'longer than 10 years'],
    ['theme=pink', 'theme: “pink”'],
    ['tz=mars', '“mars” is no time zone'],
    ['lang=de', 'lang: “de”'],
    ['v=7', 'version “7”'],
    ['by=colour', 'by: “colour”'],
    ['by=category,category,category,category,category', 'by:'],
    ['chart=pie', 'chart: “pie”'],
    ['side=up', 'side: “up”'],
    ['measure=miles', 'measure: “miles”'],
    ['top=0', 'top: “0”'],
    ['top=9999', 'top: “9999”'],
    ['top=-1e3', 'top:'],
    ['previous=maybe', 'previous: “maybe”'],
    [`filter=${'x'.repeat(3000)}`, 'filter:'],
    ['hide=', 'hide:'],
  ])('explore?%s is named, and the default shown', (search, problem) => {
    const { view, problems } = read('/explore', `?${search}`);
    expect(problems.join('\n')).toContain(problem);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.length).toBeLessThan(260);
    expect({ ...view, hidden: [] }).toEqual(defaultView('explore'));
  });

  test.each([
    ['/network', 'name=%3Cb%3E', 'name:'],
    ['/event', 'id=..%2F..%2Fetc', 'id:'],
    ['/events', 'state=maybe', 'state: “maybe”'],
    ['/events', 'kind=meteor', 'kind: “meteor”'],
    ['/events', 'severity=very', 'severity: “very”'],
    ['/capacity', 'sort=colour', 'sort: “colour”'],
    ['/no-such-page', '', 'no page “no-such-page”'],
  ])('%s?%s', (path, search, problem) => {
    const { problems } = read(path, `?${search}`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  test('in every field at once', () => {
    const fields = ['from', 'to', 'tz', 'theme', 'lang', 'v', 'by', 'chart', 'side', 'measure'];
    const all = [...fields, 'top', 'previous'].map((name) => `${name}=%00%22%3E%3Cscript`);
    const { view, problems } = read('/explore', `?${all.join('&')}`);
    expect(view).toEqual(defaultView('explore'));
    expect(problems).toHaveLength(11);
  });
});

test('an offset whose plus was not escaped', () => {
  const search = '?from=2026-01-31T17:00:00+02:00&to=2026-01-31T18:00:00+02:00';
  const { view, problems } = parseView('/', search, NOW);
  expect(problems).toEqual([]);
  expect(printView(view)).toBe('./?v=1&from=2026-01-31T15:00:00Z&to=2026-01-31T16:00:00Z');
});

test('links: each once, and no more than a request can name', () => {
  expect(parseView('/', '?link=a&link=a', NOW).view.links).toEqual(['a']);
  const many = Array.from({ length: 80 }, (_, n) => `link=l${n}`).join('&');
  const { view, problems } = parseView('/', `?${many}`, NOW);
  expect(view.links).toHaveLength(50);
  expect(problems[0]).toContain('at most 50');
});

test('another page keeps time and look, and nothing else', () => {
  const view = { ...anyView(1), page: 'explore' as const, filter: 'x = y', zone: 'utc' };
  const next = follow(view, 'link', { name: 'a' });
  expect(next).toMatchObject({ page: 'link', name: 'a', filter: '', zone: 'utc' });
  expect(next.range).toEqual(view.range);
  expect(follow(view, 'events').range).toEqual(defaultView('events').range);
});
