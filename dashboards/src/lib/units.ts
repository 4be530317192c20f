/** Numbers as people read them. SI prefixes, decimal: 1 kbit/s is 1000 bit/s, 1 kB is 1000 bytes. */

import { currentLanguage } from './i18n.svelte';

/** An exact counter. JSON numbers above 2^53 arrive as bigint (see api.ts), so no digit is lost. */
export type Count = number | bigint;

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
/** No-break space: a number never stands on another line than its unit. */
const NBSP = '\u00a0';
/** What stands where nothing is known. Never a zero. */
export const NOTHING = '–';

/** Three significant digits and a prefix: 1234567 is "1.23 M". */
function withPrefix(value: number): { digits: string; prefix: string } {
  const sign = value < 0 ? '−' : '';
  let size = Math.abs(value);
  let step = 0;
  // 999.5 would be printed as "1000": it belongs to the next prefix.
  while (size >= 999.5 && step < PREFIXES.length - 1) {
    size /= 1000;
    step += 1;
  }
  const decimals =
    step === 0 && Number.isInteger(size) ? 0 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return { digits: sign + decimal(size.toFixed(decimals)), prefix: PREFIXES[step] ?? '' };
}

/** The language's decimal sign. */
export function decimal(digits: string): string {
  return currentLanguage() === 'fr' ? digits.replace('.', ',') : digits;
}

/** Without zeros that say nothing: "10.0" is "10". */
function short(digits: string): string {
  return /[.,]/.test(digits) ? digits.replace(/[.,]?0+$/, '') : digits;
}

function quantity(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const { digits, prefix } = withPrefix(value);
  return `${digits}${NBSP}${prefix}${unit}`;
}

/** A rate, from bit/s: "1.23 Gbit/s". */
export function formatRate(bitsPerSecond: number | null | undefined): string {
  return quantity(bitsPerSecond, 'bit/s');
}

/** A volume, from bytes: "1.23 GB". */
export function formatBytes(octets: Count | null | undefined): string {
  return quantity(octets === null || octets === undefined ? null : Number(octets), 'B');
}

/** Packets in a second: "12.3 kpkt/s". */
export function formatPacketRate(packetsPerSecond: number | null | undefined): string {
  return quantity(packetsPerSecond, 'pkt/s');
}

/** A rounded count, for places where the exact one has no room: "1.23 M". */
export function formatShort(value: Count | null | undefined): string {
  return quantity(value === null || value === undefined ? null : Number(value), '').trimEnd();
}

/** A link's capacity, without needless decimals: "10 Gbit/s". */
export function formatCapacity(bitsPerSecond: number | null | undefined): string {
  if (!bitsPerSecond) return NOTHING;
  const { digits, prefix } = withPrefix(bitsPerSecond);
  return `${short(digits)}${NBSP}${prefix}bit/s`;
}

/** A label of the rate axis: short, and without a sign, since out is drawn below zero. */
export function formatAxisRate(bitsPerSecond: number): string {
  if (bitsPerSecond === 0) return '0';
  const { digits, prefix } = withPrefix(Math.abs(bitsPerSecond));
  return `${short(digits)}${NBSP}${prefix}`;
}

/** A share between 0 and 1: "12.3 %"; what exists is never printed as 0. */
export function formatShare(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return NOTHING;
  if (share > 0 && share < 0.0005) return `<${decimal('0.1')}${NBSP}%`;
  return `${decimal((share * 100).toFixed(1))}${NBSP}%`;
}

/** The digits of a count in groups of three, the last one full: 1234567 is ["1", "234", "567"]. */
export function digitGroups(value: Count): string[] {
  const digits = value.toString();
  const first = digits.length % 3 || 3;
  const groups = [digits.slice(0, first)];
  for (let at = first; at < digits.length; at += 3) groups.push(digits.slice(at, at + 3));
  return groups;
}

/** All digits, grouped: "1 234 567", with narrow no-break spaces (ISO 80000-1). */
export function formatExact(value: Count | null | undefined): string {
  return value === null || value === undefined ? NOTHING : digitGroups(value).join('\u202f');
}

/** A length of time in its two largest units: "2 d 3 h", "5 min", "12 s". */
export function formatDuration(seconds: number): string {
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${NBSP}${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length > 0 ? parts.join(' ') : `0${NBSP}s`;
}

/** Flows begun in a second. */
export function formatFlowRate(perSecond: number | null | undefined): string {
  return quantity(perSecond, 'flow/s');
}

/** What a chart measures, with its unit. */
export function formatMeasure(measure: string, value: number | null | undefined): string {
  if (measure === 'packets') return formatPacketRate(value);
  return measure === 'flows' ? formatFlowRate(value) : formatRate(value);
}

/** A change with its sign: "+3.2 %"; from a part, 0.032. */
export function formatChange(change: number | null | undefined): string {
  if (change === null || change === undefined || !Number.isFinite(change)) return NOTHING;
  const sign = change > 0 ? '+' : change < 0 ? '−' : '±';
  const size = Math.abs(change) * 100;
  return `${sign}${decimal(size.toFixed(size >= 100 ? 0 : 1))}${NBSP}%`;
}

/** A round-trip time, from microseconds. */
export function formatMicros(micros: number | null | undefined): string {
  if (micros === null || micros === undefined) return NOTHING;
  if (micros < 1000) return `${Math.round(micros)}${NBSP}µs`;
  const millis = micros / 1000;
  return millis < 1000
    ? `${decimal(millis.toFixed(millis < 10 ? 1 : 0))}${NBSP}ms`
    : `${decimal((millis / 1000).toFixed(1))}${NBSP}s`;
}

/** A plain number with two decimals, such as a ratio. */
export function formatNumber(value: number | null | undefined, decimals = 2): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  return decimal(value.toFixed(decimals));
}
