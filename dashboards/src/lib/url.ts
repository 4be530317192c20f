/**
 * What the screen shows is in its URL, so that it can be kept and sent: readable, and versioned. `/explore?v=1&from=…`
 * names a page by its path and everything else by fields. Nonsense in a field is replaced by the
 * field's default and named in a note.
 */

import { LANGUAGES, t, type Language } from './i18n.svelte';
import { DEFAULT_RANGE, NOW, parseRange, printMoment, type Millis, type Range } from './time';
import type { Word } from './words';
import { isZone, type Zone } from './zone';

export const PAGES = [
  'overview',
  'explore',
  'link',
  'service',
  'network',
  'events',
  'event',
  'capacity',
  'system',
] as const;
export type Page = (typeof PAGES)[number];

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

export const DIMENSIONS = [
  'category',
  'service',
  'protocol',
  'link',
  'asn',
  'direction',
  'probe',
] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const CHARTS = ['stacked', 'share', 'lines', 'sankey', 'heatmap', 'table'] as const;
export type ChartKind = (typeof CHARTS)[number];
/** Which way: both mirrored, one alone, or both added up. */
export const SIDES = ['both', 'in', 'out', 'sum'] as const;
export type Side = (typeof SIDES)[number];
export const MEASURES = ['bits', 'packets', 'flows'] as const;
export type Measure = (typeof MEASURES)[number];

export const EVENT_STATES = ['open', 'ended'] as const;
export const EVENT_KINDS = [
  'shutdown',
  'link-outage',
  'shift',
  'surge',
  'mix-change',
  'unknown',
] as const;
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export const SORTS = ['runout', 'p95', 'commit', 'name'] as const;
export type Sort = (typeof SORTS)[number];

export interface View {
  page: Page;
  range: Range;
  zone: Zone;
  theme: Theme;
  /** Null is the browser's. */
  language: Language | null;
  /** Only these links; all of them when empty. */
  links: string[];
  /** In the filter language; everything when empty. */
  filter: string;
  by: Dimension[];
  chart: ChartKind;
  side: Side;
  measure: Measure;
  top: number;
  /** The period before is drawn dashed. */
  previous: boolean;
  /** Not drawn, though they are part of the answer. */
  hidden: string[];
  /** Which link, service or network (its AS number). */
  name: string;
  /** Which event. */
  id: string;
  /** Which of its series, as `service:NAME`; the main one when empty. */
  of: string;
  state: (typeof EVENT_STATES)[number] | '';
  kind: (typeof EVENT_KINDS)[number] | '';
  severity: (typeof SEVERITIES)[number] | '';
  category: string;
  sort: Sort;
}

/** The address is written as this; a later one may mean other things by the same fields. */
const VERSION = '1';
const EVENTS_RANGE: Range = { from: { kind: 'relative', count: 30, unit: 'd' }, to: NOW };
const DAY: Range = { from: { kind: 'relative', count: 24, unit: 'h' }, to: NOW };
const RANGES: Partial<Record<Page, Range>> = { events: EVENTS_RANGE };
const MOST = 50;
const LONGEST = 2000;

/** What a page shows where the address does not say. */
export function defaultView(page: Page): View {
  return {
    page,
    range: RANGES[page] ?? (page === 'system' ? DEFAULT_RANGE : DAY),
    zone: 'local',
    theme: 'auto',
    language: null,
    links: [],
    filter: '',
    by: ['category'],
    chart: 'stacked',
    side: 'both',
    measure: 'bits',
    top: 10,
    previous: false,
    hidden: [],
    name: '',
    id: '',
    of: '',
    state: '',
    kind: '',
    severity: '',
    category: '',
    sort: 'runout',
  };
}

interface Field {
  name: string;
  print: (view: View) => string[];
  /** Sets the view's field; says false where the text means nothing. */
  parse: (view: View, texts: string[]) => boolean;
}

function choice<K extends keyof View>(key: K, name: string, values: readonly View[K][]): Field {
  return {
    name,
    print: (view) => (view[key] === defaultView(view.page)[key] ? [] : [String(view[key])]),
    parse: (view, texts) => {
      const found = values.find((value) => String(value) === texts[0]);
      if (found === undefined) return false;
      view[key] = found;
      return true;
    },
  };
}

function text<K extends 'filter' | 'name' | 'id' | 'of' | 'category'>(
  key: K,
  name: string = key,
  valid: (text: string) => boolean = () => true,
): Field {
  return {
    name,
    print: (view) => (view[key] === '' ? [] : [view[key]]),
    parse: (view, [value = '']) => {
      if (value.length > LONGEST || !valid(value)) return false;
      view[key] = value;
      return true;
    },
  };
}

function list(key: 'links' | 'hidden', name: string): Field {
  return {
    name,
    print: (view) => view[key],
    parse: (view, texts) => {
      const values = [...new Set(texts.filter((text) => text !== '' && text.length <= 200))];
      view[key] = values.slice(0, MOST);
      return values.length === new Set(texts).size && values.length <= MOST;
    },
  };
}

const by: Field = {
  name: 'by',
  print: ({ by }) => (by.length === 1 && by[0] === 'category' ? [] : [by.join(',')]),
  parse: (view, [value = '']) => {
    const names = value.split(',');
    const known = DIMENSIONS.filter((dimension) => names.includes(dimension));
    if (known.length !== names.length || known.length > 4) return false;
    // In the order of the address: it is the order of Sankey's columns.
    view.by = names as Dimension[];
    return true;
  },
};

const top: Field = {
  name: 'top',
  print: (view) => (view.top === 10 ? [] : [String(view.top)]),
  parse: (view, [value = '']) => {
    const number = Number(value);
    if (!/^\d{1,3}$/.test(value) || number < 1 || number > MOST) return false;
    view.top = number;
    return true;
  },
};

const previous: Field = {
  name: 'previous',
  print: (view) => (view.previous ? ['yes'] : []),
  parse: (view, [value]) => {
    view.previous = value === 'yes';
    return value === 'yes' || value === 'no';
  },
};

const LOOK: Field[] = [
  {
    name: 'tz',
    print: (view) => (view.zone === 'local' ? [] : [view.zone]),
    parse: (view, [value = '']) => {
      if (!isZone(value)) return false;
      view.zone = value;
      return true;
    },
  },
  choice('theme', 'theme', THEMES),
  choice('language', 'lang', LANGUAGES),
];

const links = list('links', 'link');
const hidden = list('hidden', 'hide');
const name = text('name');
const filter = text('filter');
const previousAndHidden = [previous, hidden];

const FIELDS: Record<Page, Field[]> = {
  overview: [links, ...previousAndHidden],
  explore: [
    filter,
    by,
    choice('chart', 'chart', CHARTS),
    choice('side', 'side', SIDES),
    choice('measure', 'measure', MEASURES),
    top,
    ...previousAndHidden,
  ],
  link: [name, ...previousAndHidden],
  service: [name, ...previousAndHidden],
  network: [text('name', 'name', (text) => /^\d{0,10}$/.test(text)), ...previousAndHidden],
  events: [
    choice('state', 'state', EVENT_STATES),
    choice('kind', 'kind', EVENT_KINDS),
    choice('severity', 'severity', SEVERITIES),
    text('category', 'category', (text) => /^[a-z0-9-]{0,60}$/.test(text)),
    links,
  ],
  event: [
    text('id', 'id', (text) => /^[\w:.-]{0,128}$/.test(text)),
    text('of', 'of', (text) => /^(link|category|service|network):.+$/.test(text)),
  ],
  capacity: [choice('sort', 'sort', SORTS)],
  system: [],
};

/** Reads an address: its path's last part names the page, whatever a proxy puts before it. */
export function parseView(
  path: string,
  search: string,
  now: Millis,
): { view: View; problems: string[] } {
  const last = path.split('/').at(-1) ?? '';
  const page = last === '' ? 'overview' : PAGES.find((page) => page === last);
  const view = defaultView(page ?? 'overview');
  const problems: string[] = [];
  if (page === undefined) problems.push(t('url.noPage', { text: shorten(last) }));

  const parameters = new URLSearchParams(search);
  const version = parameters.get('v');
  if (version !== null && version !== VERSION) {
    problems.push(t('url.version', { text: shorten(version) }));
  }
  for (const field of [...LOOK, ...FIELDS[view.page]]) {
    const texts = parameters.getAll(field.name);
    if (texts.length > 0 && !field.parse(view, texts)) {
      problems.push(t(`url.${field.name}` as Word, { text: shorten(texts.join(', ')) }));
    }
  }
  const fallback = view.range;
  const from = unescapedPlus(parameters.get('from') ?? printMoment(fallback.from));
  const to = unescapedPlus(parameters.get('to') ?? printMoment(fallback.to));
  const parsed = parseRange(from, to, view.zone, now);
  if ('range' in parsed) view.range = parsed.range;
  else problems.push(`${parsed.error} ${t('url.rangeInstead')}`);
  return { view, problems };
}

/** The relative address of a view. What is default is left out, but for the range. */
export function printView(view: View): string {
  const path = view.page === 'overview' ? './' : `./${view.page}`;
  const fields = [...FIELDS[view.page], ...LOOK];
  const parts = [
    `v=${VERSION}`,
    ...fields.flatMap((field) => field.print(view).map((text) => `${field.name}=${escape(text)}`)),
  ];
  // The range first: it is what people change by hand.
  parts.splice(
    1,
    0,
    `from=${escape(printMoment(view.range.from))}`,
    `to=${escape(printMoment(view.range.to))}`,
  );
  return `${path}?${parts.join('&')}`;
}

/** A view of another page that keeps time and look. */
export function follow(view: View, page: Page, change: Partial<View> = {}): View {
  const { range, zone, theme, language } = view;
  const kept = RANGES[page] || RANGES[view.page] ? {} : { range };
  return { ...defaultView(page), ...kept, zone, theme, language, ...change };
}

/** A "+" that nobody escaped arrives as a space: "18:00:00 02:00" was "+02:00". */
function unescapedPlus(text: string): string {
  return text.replace(/ (\d\d:\d\d)$/, (all, offset: string, at: number) =>
    /T\d\d:\d\d/.test(text.slice(0, at)) ? `+${offset}` : all,
  );
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Escapes what must be; what may stand in a query (RFC 3986, section 3.4) stays readable. */
function escape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%3A', ':')
    .replaceAll('%2F', '/')
    .replaceAll('%2C', ',')
    .replaceAll('%20', '+');
}
