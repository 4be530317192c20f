/** Time ranges as a user writes them, and what they mean at a given moment. No clock is read here. */

import { t } from './i18n.svelte';
import { fromWall, offsetAt, toWall, zoneId, type Zone } from './zone';

export type { Zone };

/** Milliseconds since the Unix epoch. */
export type Millis = number;
type Unit = 's' | 'm' | 'h' | 'd' | 'w';

/** A moment a user named: counted back from now, or fixed. */
export type Moment =
  { kind: 'relative'; count: number; unit: Unit } | { kind: 'absolute'; at: Millis };

/** A range a user named. A relative one moves on with the clock. */
export interface Range {
  from: Moment;
  to: Moment;
}

/** A range at one moment. */
export interface Interval {
  from: Millis;
  to: Millis;
}

const SECONDS: Record<Unit, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** The finest interval the probe counts in; nothing shorter can be shown. */
export const INTERVAL_SECONDS = 10;
/** The longest range that the API answers: ten years. */
const LONGEST_SECONDS = 3653 * 86_400;

export const NOW: Moment = { kind: 'relative', count: 0, unit: 's' };

/** What the picker offers. */
export const PRESETS: { label: string; range: Range }[] = (
  [
    [15, 'm'],
    [1, 'h'],
    [6, 'h'],
    [24, 'h'],
    [7, 'd'],
    [30, 'd'],
  ] as [number, Unit][]
).map(([count, unit]) => ({
  label: `${count}${unit}`,
  range: { from: { kind: 'relative', count, unit }, to: NOW },
}));

export const DEFAULT_RANGE: Range = { from: { kind: 'relative', count: 1, unit: 'h' }, to: NOW };

const RELATIVE = /^now(?:\s*-\s*(\d{1,9})([smhdw]))?$/i;
const ABSOLUTE =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:\d\d)?$/i;

/**
 * Reads `now`, `now-6h` (s m h d w), RFC 3339, or a date and time without offset, which is then taken
 * in `zone`. Null for anything else, and for dates that do not exist.
 */
export function parseMoment(text: string, zone: Zone): Moment | null {
  const trimmed = text.trim();
  const relative = RELATIVE.exec(trimmed);
  if (relative) {
    const count = Number(relative[1] ?? 0);
    const unit = (relative[2]?.toLowerCase() ?? 's') as Unit;
    return count * SECONDS[unit] <= LONGEST_SECONDS ? { kind: 'relative', count, unit } : null;
  }
  const absolute = ABSOLUTE.exec(trimmed);
  if (!absolute) return null;
  const [year, month, day, hour, minute, second] = absolute
    .slice(1, 7)
    .map((part) => Number(part ?? 0)) as [number, number, number, number, number, number];
  const millis = Number((absolute[7] ?? '').padEnd(3, '0').slice(0, 3));
  const offset = absolute[8]?.toUpperCase();
  if (hour > 23 || minute > 59 || second > 59) return null;
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second, millis);
  // The 31st of February would silently become the 3rd of March.
  const check = new Date(asUtc);
  if (check.getUTCMonth() !== month - 1 || check.getUTCDate() !== day) return null;
  if (offset === undefined) {
    return { kind: 'absolute', at: fromWall(asUtc, zone) };
  }
  if (offset === 'Z') return { kind: 'absolute', at: asUtc };
  const offsetHours = Number(offset.slice(1, 3));
  const offsetMinutes = Number(offset.slice(4, 6));
  if (offsetHours > 23 || offsetMinutes > 59) return null;
  const shift = (offsetHours * 60 + offsetMinutes) * 60_000;
  return { kind: 'absolute', at: offset.startsWith('-') ? asUtc + shift : asUtc - shift };
}

/** As it stands in a URL: `now-6h`, or RFC 3339 in UTC without needless milliseconds. */
export function printMoment(moment: Moment): string {
  if (moment.kind === 'relative') {
    return moment.count === 0 ? 'now' : `now-${moment.count}${moment.unit}`;
  }
  return printTime(moment.at);
}

/** RFC 3339 in UTC. */
export function printTime(at: Millis): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

/** A moment's place on the time line. */
export function resolveMoment(moment: Moment, now: Millis): Millis {
  if (moment.kind === 'absolute') return moment.at;
  return now - moment.count * SECONDS[moment.unit] * 1000;
}

/**
 * What a range means now. Relative ends stand on whole intervals of the probe, so that the same
 * request is not made anew for each second, and never ends in the middle of what is still counted.
 */
export function resolve(range: Range, now: Millis): Interval {
  const grid = INTERVAL_SECONDS * 1000;
  const steady = Math.floor(now / grid) * grid;
  return { from: resolveMoment(range.from, steady), to: resolveMoment(range.to, steady) };
}

/** Whether the range moves on with the clock. */
export function endsNow(range: Range): boolean {
  return range.to.kind === 'relative' && range.to.count === 0;
}

/** Reads both ends. The error says what is wrong and what would be right. */
export function parseRange(
  from: string,
  to: string,
  zone: Zone,
  now: Millis,
): { range: Range } | { error: string } {
  const start = parseMoment(from, zone);
  if (!start) return { error: t('range.badStart', { text: shorten(from) }) };
  const end = parseMoment(to, zone);
  if (!end) return { error: t('range.badEnd', { text: shorten(to) }) };
  const range = { from: start, to: end };
  const interval = resolve(range, now);
  const seconds = (interval.to - interval.from) / 1000;
  if (seconds <= 0) return { error: t('range.reversed') };
  if (seconds < INTERVAL_SECONDS) {
    return { error: t('range.tooShort', { seconds: INTERVAL_SECONDS }) };
  }
  if (seconds > LONGEST_SECONDS) return { error: t('range.tooLong') };
  return { range };
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** The range of the same length just before (-1) or after (+1); back at `now` it moves on again. */
export function shift(range: Range, direction: -1 | 1, now: Millis): Range {
  const { from, to } = resolve(range, now);
  const length = to - from;
  return settle({ from: from + direction * length, to: to + direction * length }, now);
}

/** Twice as long around the same middle, as far as now allows. */
export function zoomOut(range: Range, now: Millis): Range {
  const { from, to } = resolve(range, now);
  const length = Math.min(to - from, (LONGEST_SECONDS * 1000) / 4);
  return settle({ from: from - length / 2, to: to + length / 2 }, now);
}

/** A stretch a user dragged over, in either direction, on whole intervals of the probe. */
export function dragged(a: Millis, b: Millis): Range {
  const grid = INTERVAL_SECONDS * 1000;
  const from = Math.floor(Math.min(a, b) / grid) * grid;
  const to = Math.max(Math.ceil(Math.max(a, b) / grid) * grid, from + grid);
  return { from: { kind: 'absolute', at: from }, to: { kind: 'absolute', at: to } };
}

/** A range that would reach into the future becomes the relative one of the same length. */
function settle(interval: Interval, now: Millis): Range {
  const grid = INTERVAL_SECONDS * 1000;
  const from = Math.round(interval.from / grid) * grid;
  const to = Math.round(interval.to / grid) * grid;
  if (to <= now - grid) {
    return { from: { kind: 'absolute', at: from }, to: { kind: 'absolute', at: to } };
  }
  const seconds = Math.max(INTERVAL_SECONDS, (to - from) / 1000);
  const preset = PRESETS.find(
    ({ range }) => resolveMoment(NOW, now) - resolveMoment(range.from, now) === seconds * 1000,
  );
  if (preset) return preset.range;
  const unit = (['d', 'h', 'm', 's'] as const).find((unit) => seconds % SECONDS[unit] === 0) ?? 's';
  return { from: { kind: 'relative', count: seconds / SECONDS[unit], unit }, to: NOW };
}

/** The steps a chart may have, in seconds: those the API documents. */
const STEPS = [10, 30, 60, 300, 900, 3600, 21_600, 86_400];
/** About one bucket for three pixels of a wide chart. */
const MOST_BUCKETS = 400;

/** The finest step that does not give more buckets than a chart can show. */
export function chooseStep(interval: Interval): number {
  const seconds = (interval.to - interval.from) / 1000;
  const step = STEPS.find((step) => seconds / step <= MOST_BUCKETS);
  // Beyond the list: whole days.
  return step ?? Math.ceil(seconds / MOST_BUCKETS / 86_400) * 86_400;
}

/** How long a shown answer stays good: a fraction of its step, but never under ten seconds. */
export function refreshSeconds(step: number): number {
  return Math.min(60, Math.max(10, step / 2));
}

/** The name of the zone times are shown in: "UTC", or "Europe/Paris (UTC+1)". */
export function zoneName(zone: Zone, at: Millis): string {
  const name = zoneId(zone);
  const minutes = offsetAt(at, zone) / 60_000;
  if (name === 'UTC') return 'UTC';
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = Math.abs(minutes) % 60;
  const offset = `UTC${minutes < 0 ? '−' : '+'}${hours}${rest ? `:${String(rest).padStart(2, '0')}` : ''}`;
  return `${name} (${offset})`;
}

/** Date and time as engineers write them, sortable, 24 hours: "2026-01-31 18:00:00". */
export function formatTime(at: Millis, zone: Zone): string {
  return `${formatDate(at, zone)} ${formatClock(at, zone)}`;
}

/** "2026-01-31". */
export function formatDate(at: Millis, zone: Zone): string {
  return wallClock(at, zone).slice(0, 10);
}

/** "18:00:00". */
export function formatClock(at: Millis, zone: Zone): string {
  return wallClock(at, zone).slice(11, 19);
}

/** "2026-01-31 18:00:00 – 19:00:00": the date once when it is the same. */
export function formatInterval(interval: Interval, zone: Zone): string {
  const sameDay = formatDate(interval.from, zone) === formatDate(interval.to, zone);
  const end = sameDay ? formatClock(interval.to, zone) : formatTime(interval.to, zone);
  return `${formatTime(interval.from, zone)} – ${end}`;
}

function wallClock(at: Millis, zone: Zone): string {
  return toWall(at, zone).toISOString();
}

/** The range as it is now, with both ends fixed: what is sent to somebody stays what it was. */
export function freeze(range: Range, now: Millis): Range {
  const { from, to } = resolve(range, now);
  return { from: { kind: 'absolute', at: from }, to: { kind: 'absolute', at: to } };
}

/** Stretches of the calendar that presets name; the zone's own days, so that 23 and 25 hours are days too. */
export type Calendar = 'last-evening' | 'yesterday' | 'last-week' | 'this-month' | 'last-month';
export const CALENDAR: readonly Calendar[] = [
  'last-evening',
  'yesterday',
  'last-week',
  'this-month',
  'last-month',
];

/** The last evening (18 to 24 o'clock) that is over, the day before, the week from Monday, or a month. */
export function calendarRange(which: Calendar, now: Millis, zone: Zone): Range {
  const wall = toWall(now, zone);
  const [year, month, day] = [wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate()];
  const at = (dayOf: number, hour = 0, monthOf = month): Moment => ({
    kind: 'absolute',
    at: fromWall(Date.UTC(year, monthOf, dayOf, hour), zone),
  });
  const monday = day - ((wall.getUTCDay() + 6) % 7);
  switch (which) {
    case 'last-evening':
      return { from: at(day - 1, 18), to: at(day) };
    case 'yesterday':
      return { from: at(day - 1), to: at(day) };
    case 'last-week':
      return { from: at(monday - 7), to: at(monday) };
    case 'this-month':
      return { from: at(1), to: NOW };
    case 'last-month':
      return { from: at(1, 0, month - 1), to: at(1) };
  }
}
