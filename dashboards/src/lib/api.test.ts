import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Api, ApiError, parseJson, search } from './api';

const INTERVAL = {
  from: Date.parse('2026-01-31T17:00:00Z'),
  to: Date.parse('2026-01-31T18:00:00Z'),
};

beforeEach(() => vi.stubGlobal('document', { baseURI: 'https://probe.example/etiage/' }));
afterEach(() => vi.unstubAllGlobals());

function answer(status: number, body: string, headers: Record<string, string> = {}) {
  const fetch = vi.fn<(url: URL, init: RequestInit) => Promise<Response>>(() =>
    Promise.resolve(new Response(body, { status, headers })),
  );
  vi.stubGlobal('fetch', fetch);
  return fetch;
}

const ask = (api = new Api()) =>
  api.totals(
    { interval: INTERVAL, groupBy: ['service', 'direction'], links: ['a', 'b c'] },
    new AbortController().signal,
  );

test('requests name exact times, and stay below the page’s own path', async () => {
  const fetch = answer(200, '{"rows":[]}');
  await ask();
  expect(String(fetch.mock.calls[0]?.[0])).toBe(
    'https://probe.example/etiage/api/v1/totals?from=2026-01-31T17%3A00%3A00Z' +
      '&to=2026-01-31T18%3A00%3A00Z&group_by=service%2Cdirection&top=200&link=a&link=b+c',
  );
});

test('a token is exchanged for a cookie, and kept nowhere', async () => {
  const fetch = answer(200, '{"authenticated":true}');
  const api = new Api();
  await api.login('secret');
  expect(String(fetch.mock.calls[0]?.[0])).toBe('https://probe.example/etiage/api/v1/session');
  expect(fetch.mock.calls[0]?.[1]).toMatchObject({ method: 'POST', body: '{"token":"secret"}' });
  await ask(api);
  expect(JSON.stringify(fetch.mock.calls[1]?.[1])).not.toContain('secret');
});

test('what is empty, false or unknown is left out of an address', () => {
  const all = { a: '', b: null, c: undefined, d: false, e: [], f: 0, g: true, h: ['x', 'y z'] };
  expect(search(all)).toBe('?f=0&g=true&h=x&h=y+z');
  expect(search({ a: '' })).toBe('');
});

describe('errors', () => {
  const failure = () => ask().catch((error: unknown) => error as ApiError);

  test('say what the API said', async () => {
    answer(
      400,
      JSON.stringify({
        title: 'Bad request',
        detail: 'Two parameters are wrong.',
        errors: [
          { parameter: 'from', detail: 'not a time' },
          { parameter: 'step', detail: 'not a length of time' },
        ],
      }),
    );
    expect(await failure()).toMatchObject({
      status: 400,
      title: 'Bad request',
      message: 'Two parameters are wrong. from: not a time step: not a length of time',
    });
  });

  test('of a proxy, or of no server at all, are understood too', async () => {
    answer(502, '<html>bad gateway</html>');
    expect(await failure()).toMatchObject({
      status: 502,
      message: 'The server answered with status 502.',
    });
    answer(200, '<html>log in</html>');
    expect(await failure()).toMatchObject({ title: 'The answer is not understood' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    expect(await failure()).toMatchObject({ status: 0, title: 'The server cannot be reached' });
  });
});

test('now is the server’s, where the two clocks differ', async () => {
  const api = new Api();
  answer(200, '{}', { Date: new Date(Date.now() + 3_600_000).toUTCString() });
  await ask(api);
  expect(Math.abs(api.now() - Date.now() - 3_600_000)).toBeLessThan(2000);
  answer(200, '{}', { Date: new Date().toUTCString() });
  await ask(api);
  expect(Math.abs(api.now() - Date.now())).toBeLessThan(50);
});

test('numbers that a double holds stay numbers', () => {
  expect(parseJson('{"a":[1,2.5,null,9007199254740991],"b":"9007199254740993"}')).toEqual({
    a: [1, 2.5, null, 9007199254740991],
    b: '9007199254740993',
  });
});
