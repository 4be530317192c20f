/** Wall clocks: what a time zone's clock shows at a moment, and which moment a clock's reading is. */

import type { Millis } from './time';

/** `local` (the browser's), `utc`, or a name of the IANA database such as `Europe/Paris`. */
export type Zone = string;

/** Formatters are slow to make and quick to use. */
const FORMATS = new Map<string, Intl.DateTimeFormat>();

function format(zone: Zone): Intl.DateTimeFormat {
  let known = FORMATS.get(zone);
  if (!known) {
    known = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    FORMATS.set(zone, known);
  }
  return known;
}

/** Whether times can be shown in it. */
export function isZone(zone: string): boolean {
  if (zone === 'local' || zone === 'utc') return true;
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{1,50}$/.test(zone)) return false;
  try {
    format(zone);
    return true;
  } catch {
    return false;
  }
}

/** How far the zone's clock is ahead of UTC at a moment. */
export function offsetAt(at: Millis, zone: Zone): Millis {
  if (zone === 'utc') return 0;
  if (zone === 'local') return -new Date(at).getTimezoneOffset() * 60_000;
  // Clocks are changed at full quarters of an hour; asking the browser each time is slow.
  const quarter = Math.floor(at / QUARTER);
  const key = `${zone} ${quarter}`;
  const known = OFFSETS.get(key);
  if (known !== undefined) return known;
  if (OFFSETS.size > MOST_OFFSETS) OFFSETS.clear();
  const offset = askOffset(quarter * QUARTER, zone);
  OFFSETS.set(key, offset);
  return offset;
}

const QUARTER = 900_000;
const MOST_OFFSETS = 20_000;
const OFFSETS = new Map<string, Millis>();

function askOffset(at: Millis, zone: Zone): Millis {
  const parts: Record<string, number> = {};
  for (const { type, value } of format(zone).formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const clock = Date.UTC(year, month - 1, day, hour, minute, second);
  return clock - Math.floor(at / 1000) * 1000;
}

/**
 * The moment at which the zone's clock shows what UTC's shows at `clock`. Where it shows that twice (in autumn),
 * the first; where never (in spring), the moment that the clock would have reached without the jump.
 */
export function fromWall(clock: Millis, zone: Zone): Millis {
  const before = offsetAt(clock - 86_400_000, zone);
  const after = offsetAt(clock + 86_400_000, zone);
  for (const offset of [Math.max(before, after), Math.min(before, after)]) {
    if (offsetAt(clock - offset, zone) === offset) return clock - offset;
  }
  return clock - before;
}

/** What the zone's clock shows, as a date whose UTC parts are to be read. */
export function toWall(at: Millis, zone: Zone): Date {
  return new Date(at + offsetAt(at, zone));
}

/** The zone's own name: "Europe/Paris" for `local` in France. */
export function zoneId(zone: Zone): string {
  if (zone === 'utc') return 'UTC';
  const name = zone === 'local' ? new Intl.DateTimeFormat().resolvedOptions().timeZone : zone;
  return name === 'Etc/UTC' ? 'UTC' : name;
}

/** Places that browsers still list under a name that the IANA database has given up. */
const RENAMED: Record<string, string> = {
  'Africa/Asmera': 'Africa/Asmara',
  'America/Buenos_Aires': 'America/Argentina/Buenos_Aires',
  'America/Godthab': 'America/Nuuk',
  'America/Indianapolis': 'America/Indiana/Indianapolis',
  'America/Louisville': 'America/Kentucky/Louisville',
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Atlantic/Faeroe': 'Atlantic/Faroe',
  'Europe/Kiev': 'Europe/Kyiv',
  'Pacific/Enderbury': 'Pacific/Kanton',
  'Pacific/Ponape': 'Pacific/Pohnpei',
  'Pacific/Truk': 'Pacific/Chuuk',
};

/** What can be chosen: all that the browser knows, under today's names where it knows those too. */
export function allZones(): string[] {
  if (typeof Intl.supportedValuesOf !== 'function') return [];
  const names = Intl.supportedValuesOf('timeZone').map((name) => {
    const now = RENAMED[name];
    return now !== undefined && isZone(now) ? now : name;
  });
  return [...new Set(names)].sort();
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MINUTE = 60_000;

/** Distances that a clock's face makes easy to read. */
const GRIDS = [
  ...[10_000, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE],
  ...[HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR],
  ...[DAY, 2 * DAY, 7 * DAY, 14 * DAY],
];
/** Beyond two weeks: months. */
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120];

export interface Tick {
  at: Millis;
  label: string;
  /** The first of a day (or of a year), printed bold. */
  major: boolean;
}

/** At most `most` marks of a time axis, at round times of the zone's clock. */
export function timeTicks(from: Millis, to: Millis, zone: Zone, most: number): Tick[] {
  const wanted = (to - from) / Math.max(1, most);
  const grid = GRIDS.find((grid) => grid >= wanted);
  const walls = grid === undefined ? months(from, to, zone, wanted) : evenly(from, to, zone, grid);
  return walls.map((wall) => {
    const at = fromWall(wall, zone);
    return { at, ...labelOf(new Date(wall), grid) };
  });
}

function evenly(from: Millis, to: Millis, zone: Zone, grid: Millis): Millis[] {
  // Weeks begin on Mondays; 1970 began on a Thursday.
  const base = grid % (7 * DAY) === 0 ? 4 * DAY : 0;
  const first = from + offsetAt(from, zone);
  const walls: Millis[] = [];
  let wall = Math.ceil((first - base) / grid) * grid + base;
  for (; walls.length < 500; wall += grid) {
    const at = fromWall(wall, zone);
    if (at > to) break;
    // An hour that the clock leaves out has no mark of its own.
    if (at >= from && offsetAt(at, zone) + at === wall) walls.push(wall);
  }
  return walls;
}

function months(from: Millis, to: Millis, zone: Zone, wanted: Millis): Millis[] {
  const step = MONTHS.find((count) => count * 28 * DAY >= wanted) ?? 120;
  const first = toWall(from, zone);
  const begin = Math.floor((first.getUTCFullYear() * 12 + first.getUTCMonth()) / step) * step;
  const walls: Millis[] = [];
  for (let month = begin; walls.length < 500; month += step) {
    const wall = Date.UTC(Math.floor(month / 12), month % 12, 1);
    const at = fromWall(wall, zone);
    if (at > to) break;
    if (at >= from) walls.push(wall);
  }
  return walls;
}

function labelOf(wall: Date, grid: Millis | undefined): { label: string; major: boolean } {
  const text = wall.toISOString();
  if (grid === undefined) {
    const major = wall.getUTCMonth() === 0;
    return { label: major ? text.slice(0, 4) : text.slice(0, 7), major };
  }
  const midnight = wall.getTime() % DAY === 0;
  if (midnight) return { label: text.slice(5, 10), major: grid < DAY };
  return { label: text.slice(11, grid < MINUTE ? 19 : 16), major: false };
}
