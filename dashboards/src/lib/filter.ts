/** Small parts of the filter language: what a click adds. The API alone says what a filter means. */

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
