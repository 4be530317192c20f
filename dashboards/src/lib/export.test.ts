import { expect, test } from 'vitest';
import { csvOf } from './export';
import { both, oneOf, predicate, quoted } from './filter';
import { among, narrowed, requestOf } from './explore';
import { defaultView } from './url';

test('files hold every digit, and quote what must be', () => {
  const rows = [
    ['name', 'octets', 'share'],
    ['a,b', 9_007_199_254_740_993n, 0.1],
    ['say "x"', null, undefined],
    ['line\nbreak', 0, -1.5],
  ];
  expect(csvOf(rows)).toBe(
    'name,octets,share\r\n"a,b",9007199254740993,0.1\r\n"say ""x""",,\r\n"line\nbreak",0,-1.5\r\n',
  );
});

test.each(['=1+1', '+49', '-x', '@SUM(A1)', '\tx'])(
  '“%s” is no formula of a spreadsheet',
  (name) => {
    expect(csvOf([[name]]).replace(/^"/, '')).toMatch(/^'/);
  },
);

test('numbers below zero stay numbers', () => expect(csvOf([[-5]])).toBe('-5\r\n'));

test.each([
  ['category', 'p2p', 'category = p2p'],
  ['asn', '64500', 'network = 64500'],
  ['asn', '0', 'network = none'],
  ['link', 'my link', 'link = "my link"'],
  ['service', 'a"b\\c', 'service = "a\\"b\\\\c"'],
  ['service', 'and', 'service = "and"'],
])('%s %s is filtered by %s', (dimension, value, text) => {
  expect(predicate(dimension, value)).toBe(text);
});

test('a click adds to the filter, once', () => {
  expect(both('', 'link = a')).toBe('link = a');
  expect(both('link = a', 'link = a')).toBe('link = a');
  expect(both('link = a', 'category = p2p')).toBe('link = a and category = p2p');
  expect(both('link = a and category = p2p', 'category = p2p')).toBe('link = a and category = p2p');
  expect(both('link = a or link = b', 'category = p2p')).toBe(
    '(link = a or link = b) and category = p2p',
  );
  expect(quoted('é')).toBe('"é"');
  expect(narrowed('', ['category', 'service'], ['p2p', 'other'])).toBe('category = p2p');
});

test('the largest are asked for by their values', () => {
  const rows = [
    { group: { asn: '0', link: 'a b' }, octets: 1, packets: 1, flows: 1 },
    { group: { asn: '64500', link: 'c' }, octets: 1, packets: 1, flows: 1 },
  ];
  expect(oneOf('service', ['x', 'or'])).toBe('service in (x, "or")');
  expect(among('category = p2p', ['asn', 'link'], rows)).toBe(
    'category = p2p and network in (none, 64500) and link in ("a b", c)',
  );
  const other = [{ ...rows[0], group: { asn: 'other', link: 'c' } }] as typeof rows;
  expect(among('', ['asn', 'link'], other)).toBe('link in (c)');
});

test('one request says what is shown', () => {
  const interval = { from: 0, to: 3_600_000 };
  const view = defaultView('explore');
  expect(requestOf(view, interval).groupBy).toEqual(['category', 'direction']);
  expect(requestOf({ ...view, side: 'in' }, interval)).toMatchObject({
    groupBy: ['category'],
    only: { direction: ['in'] },
  });
  expect(requestOf({ ...view, by: ['direction'] }, interval).groupBy).toEqual(['direction']);
});
