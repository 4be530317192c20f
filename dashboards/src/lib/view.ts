/** What the page shows is in its URL, so that it can be sent to somebody: readable and stable. */

import { DEFAULT_RANGE, parseRange, printMoment, type Millis, type Range, type Zone } from './time';

export type Theme = 'auto' | 'light' | 'dark';

export interface View {
  range: Range;
  /** Only these links; all of them when empty. */
  links: string[];
  theme: Theme;
  zone: Zone;
}

/** More is never needed, and a request's address has a limit. */
const MOST_LINKS = 50;

/**
 * Reads the query part of a URL. Whatever makes no sense is replaced by its default and named in
 * `problems`, in words for the user; unknown parameters are left alone.
 */
export function parseView(search: string, now: Millis): { view: View; problems: string[] } {
  const parameters = new URLSearchParams(search);
  const problems: string[] = [];

  const zone = parameters.get('tz') ?? 'local';
  const knownZone: Zone = zone === 'utc' ? 'utc' : 'local';
  if (zone !== 'utc' && zone !== 'local') {
    problems.push('The address asks for an unknown time zone: tz is utc or local.');
  }
  const theme = parameters.get('theme') ?? 'auto';
  const knownTheme: Theme = theme === 'light' || theme === 'dark' ? theme : 'auto';
  if (theme !== knownTheme) {
    problems.push('The address asks for an unknown theme: theme is light, dark or auto.');
  }

  const from = parameters.get('from') ?? printMoment(DEFAULT_RANGE.from);
  const to = parameters.get('to') ?? printMoment(DEFAULT_RANGE.to);
  // A "+" that nobody escaped arrives as a space: "18:00:00 02:00" was "+02:00".
  const unescaped = (text: string) =>
    text.replace(/ (\d\d:\d\d)$/, (all, offset: string, at) =>
      /T\d\d:\d\d/.test(text.slice(0, at)) ? `+${offset}` : all,
    );
  const parsed = parseRange(unescaped(from), unescaped(to), knownZone, now);
  if ('error' in parsed) problems.push(`${parsed.error} The last hour is shown instead.`);
  const range = 'range' in parsed ? parsed.range : DEFAULT_RANGE;

  const links = [...new Set(parameters.getAll('link').filter((name) => name !== ''))];
  if (links.length > MOST_LINKS) problems.push(`Only the first ${MOST_LINKS} links are shown.`);
  return {
    view: { range, links: links.slice(0, MOST_LINKS), theme: knownTheme, zone: knownZone },
    problems,
  };
}

/** The query part of the URL for a view, beginning with "?". What is default is left out, but for the range. */
export function printView(view: View): string {
  const parts = [
    `from=${escape(printMoment(view.range.from))}`,
    `to=${escape(printMoment(view.range.to))}`,
    ...view.links.map((link) => `link=${escape(link)}`),
  ];
  if (view.zone !== 'local') parts.push(`tz=${view.zone}`);
  if (view.theme !== 'auto') parts.push(`theme=${view.theme}`);
  return `?${parts.join('&')}`;
}

/** Escapes what must be; colons may stand in a query (RFC 3986, section 3.4) and keep times readable. */
function escape(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':').replaceAll('%2F', '/');
}
