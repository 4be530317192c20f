/** What the health strip says, and when it turns red. Pure: answers and their age come in. */

import type { Health } from './api';
import { t, tn } from './i18n.svelte';
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

const REASONS = ['kernel', 'interface', 'queue', 'table_full'] as const;

/** How much the drop counters grew from one answer to the next; a restart begins anew. */
export function newDrops(before: Health | null, after: Health): bigint {
  if (!before || before.started !== after.started) return 0n;
  let grown = 0n;
  for (const key of REASONS) {
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
      label: t('health.packets'),
      value: formatPacketRate(packetsPerSecond ?? capture.packets_per_second),
      tone: 'plain',
      hint: t('health.packetsWhat', { count: formatExact(capture.packets) }),
    },
    dropsItem(health, fresh),
    freshnessItem(health),
    {
      id: 'queue',
      label: t('health.rowsQueued'),
      value: t('health.rows', { count: formatShort(store.queued_rows) }),
      tone: 'plain',
      hint: t('health.queuedWhat', { count: formatExact(store.written_rows) }),
    },
    {
      id: 'flows',
      label: t('health.flows'),
      value: t('health.of', {
        part: formatShort(flows.active),
        whole: formatShort(flows.capacity),
      }),
      tone: flows.capacity > 0 && flows.active > flows.capacity * FLOWS_NOTE ? 'note' : 'plain',
      hint: t('health.flowsWhat', { count: formatExact(flows.started) }),
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
    label: `${t('health.probe')} ${health.probe}`,
    value: tn('health', health.status),
    tone: ok ? 'good' : urgent ? 'alarm' : 'note',
    hint:
      t('health.status', {
        ...{ version: health.version, up, kind: store.kind },
        database: store.version ?? '',
      }) + why,
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
  const reasons = REASONS.filter((key) => BigInt(dropped[key]) > 0n);
  const rows = BigInt(health.store.dropped_rows);
  const parts = reasons.map((key) => `${t(`health.${key}`)} ${formatShort(dropped[key])}`);
  if (rows > 0n) parts.push(t('health.storeRows', { rows: formatShort(rows) }));
  const why = reasons.map(
    (key) => `${t(`health.${key}`)} ${formatExact(dropped[key])}: ${t(`health.${key}What`)}.`,
  );
  if (rows > 0n) why.push(t('health.storeRowsWhat', { rows: formatExact(rows) }));
  return {
    id: 'drops',
    label: t('health.drops'),
    value: parts.length > 0 ? parts.join(' · ') : t('health.none'),
    tone: fresh ? 'alarm' : parts.length > 0 ? 'note' : 'good',
    hint: parts.length > 0 ? `${t('health.since')} ${why.join(' ')}` : t('health.noDrops'),
  };
}

function freshnessItem(health: Health): Item {
  const { lag_seconds: lag, last_error: error, failed_inserts: failed } = health.store;
  const old = lag !== null && lag > LAG_ALARM_SECONDS;
  return {
    id: 'lag',
    label: t('health.written'),
    value: lag === null ? NOTHING : t('health.behind', { time: formatDuration(lag) }),
    tone: isLate(health) ? 'alarm' : old ? 'note' : 'plain',
    hint:
      t('health.writtenWhat', { failed: formatExact(failed) }) +
      (error ? ` ${t('health.lastError', { error })}` : ''),
  };
}

/** Counters that are usually zero, shown only when they are not. */
function asides(health: Health): Item[] {
  const { capture } = health;
  const all = [
    ['undecodable', capture.undecodable],
    ['late', capture.late],
    ['implausible', capture.implausible_time ?? 0],
    ['unmapped', capture.unmapped],
    ['undetermined', capture.undetermined ?? 0],
  ] as const;
  return all
    .filter(([, count]) => BigInt(count) > 0n)
    .map(([id, count]) => ({
      id,
      label: t(`health.${id}`),
      value: formatShort(count),
      tone: 'plain',
      hint: `${formatExact(count)}. ${t('health.since')} ${t(`health.${id}What`)}`,
    }));
}
