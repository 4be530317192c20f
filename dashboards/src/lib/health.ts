/** What the health strip says, and when it turns red. Pure: answers and their age come in. */

import type { Health } from './api';
import { NOTHING, formatDuration, formatExact, formatPacketRate, formatShort } from './units';
import type { Millis } from './time';

/** `alarm` is red and means that numbers are or will be wrong; everything else is said calmly. */
export type Tone = 'good' | 'plain' | 'note' | 'alarm';

export interface Item {
  id: string;
  label: string;
  value: string;
  tone: Tone;
  /** In one sentence: what it is, and what to do where it is an alarm. */
  hint: string;
}

/** Volumes are written every ten seconds; a minute without is not normal. */
const LAG_ALARM_SECONDS = 60;
/** Part of the flow table from which on it is worth a word. */
const FLOWS_NOTE = 0.9;

const REASONS = [
  ['kernel', 'kernel', 'the capture ring was full: more capture threads, or a larger ring, help'],
  ['interface', 'interface', 'the network card or its driver dropped them before capture'],
  ['queue', 'queue', 'a worker or the store did not keep up'],
  ['table_full', 'flow table', 'the flow table was full: these packets are counted, by port only'],
] as const;

/** How much the drop counters grew from one answer to the next; a restart begins anew. */
export function newDrops(before: Health | null, after: Health): bigint {
  if (!before || before.started !== after.started) return 0n;
  let grown = 0n;
  for (const [key] of REASONS) {
    const step = BigInt(after.capture.dropped[key]) - BigInt(before.capture.dropped[key]);
    if (step > 0n) grown += step;
  }
  const rows = BigInt(after.store.dropped_rows) - BigInt(before.store.dropped_rows);
  return rows > 0n ? grown + rows : grown;
}

export interface HealthFacts {
  health: Health;
  /** Packets a second from the live stream, where it is fresh. */
  packetsPerSecond: number | null;
  /** When drops were last seen to grow. */
  droppedAt: Millis | null;
  now: Millis;
}

/** For how long a new drop keeps its item red. */
export const DROP_ALARM_MS = 60_000;

/** The items of the strip, from left to right. */
export function describe({ health, packetsPerSecond, droppedAt, now }: HealthFacts): Item[] {
  const { capture, flows, store } = health;
  const fresh = droppedAt !== null && now - droppedAt < DROP_ALARM_MS;
  return [
    statusItem(health, fresh, now),
    {
      id: 'packets',
      label: 'Packets',
      value: formatPacketRate(packetsPerSecond ?? capture.packets_per_second),
      tone: 'plain',
      hint: `${formatExact(capture.packets)} packets captured since the start.`,
    },
    dropsItem(health, fresh),
    freshnessItem(health),
    {
      id: 'queue',
      label: 'Queue',
      value: `${formatShort(store.queued_rows)} rows`,
      tone: 'plain',
      hint: `Rows that wait to be written. ${formatExact(store.written_rows)} were written since the start.`,
    },
    {
      id: 'flows',
      label: 'Flows',
      value: `${formatShort(flows.active)} of ${formatShort(flows.capacity)}`,
      tone: flows.capacity > 0 && flows.active > flows.capacity * FLOWS_NOTE ? 'note' : 'plain',
      hint: `Active flows, and how many the flow table can hold. ${formatExact(flows.started)} began since the start.`,
    },
    ...asides(health),
  ];
}

function statusItem(health: Health, fresh: boolean, now: Millis): Item {
  const { store, reasons = [] } = health;
  const up = formatDuration((now - Date.parse(health.started)) / 1000);
  const ok = health.status === 'ok';
  // What was dropped long ago keeps the probe "degraded", but needs nobody to run.
  const urgent = fresh || isLate(health) || store.last_error !== null || store.disk_octets === null;
  const why = reasons.length > 0 ? ` ${capital(reasons.join('; '))}.` : '';
  return {
    id: 'status',
    label: `Probe ${health.probe}`,
    value: ok ? 'ok' : health.status,
    tone: ok ? 'good' : urgent ? 'alarm' : 'note',
    hint: `Etiage ${health.version}, up ${up}; ClickHouse ${store.version ?? ''} (${store.kind}).${why}`,
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Rows wait, and have waited for long. Without rows there is nothing to write, which is no fault. */
function isLate({ store }: Health): boolean {
  return store.queued_rows > 0 && (store.lag_seconds ?? 0) > LAG_ALARM_SECONDS;
}

function dropsItem(health: Health, fresh: boolean): Item {
  const dropped = health.capture.dropped;
  const reasons = REASONS.filter(([key]) => BigInt(dropped[key]) > 0n);
  const rows = BigInt(health.store.dropped_rows);
  const parts = reasons.map(([key, name]) => `${name} ${formatShort(dropped[key])}`);
  if (rows > 0n) parts.push(`store ${formatShort(rows)} rows`);
  const why = reasons.map(([key, name, text]) => `${name} ${formatExact(dropped[key])}: ${text}.`);
  if (rows > 0n) why.push(`${formatExact(rows)} rows were given up: the store was away too long.`);
  return {
    id: 'drops',
    label: 'Drops',
    value: parts.length > 0 ? parts.join(' · ') : 'none',
    tone: fresh ? 'alarm' : parts.length > 0 ? 'note' : 'good',
    hint:
      parts.length > 0
        ? `Since the start. ${why.join(' ')}`
        : 'Neither the kernel, the interface, a queue nor the flow table dropped anything since the start.',
  };
}

function freshnessItem(health: Health): Item {
  const { lag_seconds: lag, last_error: error, failed_inserts: failed } = health.store;
  const old = lag !== null && lag > LAG_ALARM_SECONDS;
  return {
    id: 'lag',
    label: 'Written',
    value: lag === null ? NOTHING : `${formatDuration(lag)} behind`,
    tone: isLate(health) ? 'alarm' : old ? 'note' : 'plain',
    hint: `How far the newest stored interval is behind. ${formatExact(failed)} inserts failed and were tried again.${
      error ? ` Last error: ${error}` : ''
    }`,
  };
}

/** Counters that are usually zero, shown only when they are not. */
function asides(health: Health): Item[] {
  const {
    undecodable,
    late,
    implausible_time: implausible = 0,
    unmapped,
    undetermined = 0,
  } = health.capture;
  const all: [string, string, Health['capture']['late'], string][] = [
    [
      'undecodable',
      'Undecodable',
      undecodable,
      'Packets whose headers are cut short or contradict themselves; they are counted as such.',
    ],
    [
      'late',
      'Late',
      late,
      'Packets that came after their interval was closed; they are counted in the oldest open one.',
    ],
    [
      'implausible',
      'Implausible time',
      implausible,
      'Packets whose time cannot be true; they are counted at the time of the packet before.',
    ],
    [
      'unmapped',
      'Unmapped',
      unmapped,
      'Packets that belong to no configured link: see [[link]] in the configuration.',
    ],
    [
      'undetermined',
      'Without direction',
      undetermined,
      'Packets whose direction nothing told; they are counted as in. Local prefixes in the configuration tell it.',
    ],
  ];
  return all
    .filter(([, , count]) => BigInt(count) > 0n)
    .map(([id, label, count, hint]) => ({
      id,
      label,
      value: formatShort(count),
      tone: 'plain',
      hint: `${formatExact(count)} since the start. ${hint}`,
    }));
}
