/** Small parts of the filter language: what a click adds. The API alone says what a filter means. */

import type { Completion, Completions } from './api';

const FIELDS: Record<string, string> = { asn: 'network' };
/** Values that need no quotes. */
const BARE = /^[A-Za-z0-9_.:+/@*-]+$/;
const KEYWORD = /^(and|or|not|in)$/i;

/** `service = youtube`; quoted where it must be. */
export function predicate(dimension: string, value: string): string {
  return `${FIELDS[dimension] ?? dimension} = ${valueOf(dimension, value)}`;
}

/** `service in (youtube, netflix)`. */
export function oneOf(dimension: string, values: readonly string[]): string {
  const all = values.map((value) => valueOf(dimension, value));
  return `${FIELDS[dimension] ?? dimension} in (${all.join(', ')})`;
}

function valueOf(dimension: string, value: string): string {
  return quoted(dimension === 'asn' && value === '0' ? 'none' : value);
}

export function quoted(value: string): string {
  if (BARE.test(value) && !KEYWORD.test(value)) return value;
  return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Both must match. */
export function both(filter: string, added: string): string {
  const before = filter.trim();
  if (before === '') return added;
  if (before === added || before.endsWith(` and ${added}`)) return before;
  // `or` binds weaker than `and`.
  return /\bor\b/i.test(before) ? `(${before}) and ${added}` : `${before} and ${added}`;
}

/** What could come next at a place of the text. */
export interface Next {
  from: number;
  to: number;
  items: Completion[];
}

/**
 * What could come next, of the latest answer. While a newer one is on its way, an older one still serves where only
 * letters of the same word were added: those of its items that begin so.
 */
export function nextOf(answer: Completions | null, text: string): Next | null {
  if (!answer) return null;
  const { from, to, items, more } = answer.completions;
  if (answer.text === text) return { from, to, items };
  const word = text.slice(from);
  const grown = to === answer.text.length && text.startsWith(answer.text.slice(0, to));
  if (more || !grown || !BARE.test(word)) return null;
  const begun = word.toLowerCase();
  const fitting = items.filter((item) => item.text.toLowerCase().startsWith(begun));
  return { from, to: text.length, items: fitting };
}
