import { afterEach, describe, expect, test } from 'vitest';
import { preferred, setLanguage, t, tn } from './i18n.svelte';
import { formatBytes, formatChange, formatRate, formatShare } from './units';
import { WORDS } from './words';

afterEach(() => setLanguage('en'));

const sources = import.meta.glob(['../**/*.svelte', './*.ts', '!./*.test.ts'], {
  query: '?raw',
  import: 'default',
  eager: true,
});

describe('every word', () => {
  const entries = Object.entries(WORDS);
  const names = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

  test.each(entries)(
    '%s is there in both languages, with the same values',
    (_, [english, french]) => {
      expect(english.trim()).toBe(english);
      expect(french.trim()).toBe(french);
      expect(english).not.toBe('');
      expect(french).not.toBe('');
      expect(names(french)).toEqual(names(english));
    },
  );

  test('is used', () => {
    const all = Object.values(sources).join('\n');
    const prefixes = [...all.matchAll(/\bt\(\s*`([\w.]+\.)\$\{/g)].map(([, prefix]) => prefix);
    const named = [...all.matchAll(/\btn\(\s*'(\w+)'/g)].map(([, prefix]) => `${prefix}.`);
    const unused = Object.keys(WORDS).filter(
      (word) =>
        !all.includes(`'${word}'`) &&
        ![...prefixes, ...named].some((prefix) => word.startsWith(prefix ?? '')),
    );
    expect(unused).toEqual([]);
  });
});

test('French where it is preferred, by the first language that is spoken here', () => {
  expect(preferred(['fr-CA', 'en'])).toBe('fr');
  expect(preferred(['de', 'en-GB', 'fr'])).toBe('en');
  expect(preferred(['de'])).toBe('en');
  expect(preferred([])).toBe('en');
});

test('values are filled in; names that have no word stand for themselves', () => {
  expect(t('events.count', { count: 3 })).toBe('3 events');
  expect(tn('category', 'p2p')).toBe('P2P');
  expect(tn('category', 'carrier-pigeon')).toBe('carrier-pigeon');
  setLanguage('fr');
  expect(t('events.count', { count: 3 })).toBe('3 événements');
});

test('numbers have the language’s decimal sign', () => {
  setLanguage('fr');
  const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');
  expect(plain(formatRate(1_234_567_890))).toBe('1,23 Gbit/s');
  expect(plain(formatBytes(1500))).toBe('1,50 kB');
  expect(plain(formatShare(0.123))).toBe('12,3 %');
  expect(plain(formatChange(-0.12))).toBe('−12,0 %');
});
