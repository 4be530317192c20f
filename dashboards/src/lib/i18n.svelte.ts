/** The page's words in the viewer's language. Reading `t` in a component follows a change of language. */

import { WORDS, type Word } from './words';

export type Language = 'en' | 'fr';
export const LANGUAGES: readonly Language[] = ['en', 'fr'];

let language = $state<Language>('en');

export function currentLanguage(): Language {
  return language;
}

export function setLanguage(next: Language): void {
  language = next;
}

/** The first of the browser's languages that the page speaks; English otherwise. */
export function preferred(languages: readonly string[]): Language {
  for (const name of languages) {
    const short = name.slice(0, 2).toLowerCase();
    if (short === 'fr' || short === 'en') return short;
  }
  return 'en';
}

/** A word or sentence; `{name}` in it stands for a value. */
export function t(word: Word, values: Record<string, string | number> = {}): string {
  return fill(WORDS[word][language === 'fr' ? 1 : 0], values);
}

/** A word made of a name that comes from the API; the name itself where the page has no word for it. */
export function tn(prefix: string, name: string): string {
  const word = `${prefix}.${name}`;
  return word in WORDS ? t(word as Word) : name;
}

function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (all, name: string) => String(values[name] ?? all));
}
