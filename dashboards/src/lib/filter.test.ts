import { describe, expect, it } from 'vitest';
import type { Completions } from './api';
import { both, nextOf, oneOf, predicate, quoted } from './filter';

function answer(text: string, from: number, items: string[], more = false): Completions {
  const named = items.map((item) => ({ text: item, kind: 'field', detail: null }));
  const completions = { from, to: text.length, items: named, more };
  return { text, valid: false, canonical: null, errors: [], completions };
}

const texts = (answer: Completions | null, text: string) =>
  nextOf(answer, text)?.items.map((item) => item.text) ?? null;

describe('what could come next', () => {
  it('is what the API says of this very text', () => {
    expect(texts(answer('catego', 0, ['category']), 'catego')).toEqual(['category']);
    expect(nextOf(null, '')).toBeNull();
  });

  it('is narrowed while the word grows', () => {
    const fields = answer('', 0, ['link', 'category', 'service']);
    expect(texts(fields, 'cat')).toEqual(['category']);
    expect(texts(fields, 'CAT')).toEqual(['category']);
    expect(nextOf(fields, 'cat')).toMatchObject({ from: 0, to: 3 });
    const values = answer('service = y', 10, ['youtube', 'yandex']);
    expect(nextOf(values, 'service = you')).toMatchObject({
      from: 10,
      to: 13,
      items: [{ text: 'youtube' }],
    });
  });

  it('is not known of another place, a shorter text, or from an answer that left some out', () => {
    expect(texts(answer('link', 0, ['link']), 'lin')).toBeNull();
    expect(texts(answer('link', 0, ['link']), 'link = ')).toBeNull();
    expect(texts(answer('link = a', 7, ['a1']), 'kind = a')).toBeNull();
    expect(texts(answer('service = ', 10, ['youtube'], true), 'service = y')).toBeNull();
  });
});

describe('what a click adds', () => {
  it('is quoted where it must be', () => {
    expect(quoted('transit-a')).toBe('transit-a');
    expect(quoted('and')).toBe('"and"');
    expect(quoted('a "b" \\')).toBe('"a \\"b\\" \\\\"');
    expect(predicate('asn', '0')).toBe('network = none');
    expect(oneOf('service', ['youtube', 'no name'])).toBe('service in (youtube, "no name")');
  });

  it('narrows what is there, whatever it is', () => {
    expect(both('', 'a = 1')).toBe('a = 1');
    expect(both('b = 2', 'a = 1')).toBe('b = 2 and a = 1');
    expect(both('b = 2 or c = 3', 'a = 1')).toBe('(b = 2 or c = 3) and a = 1');
    expect(both('b = 2 and a = 1', 'a = 1')).toBe('b = 2 and a = 1');
  });
});
