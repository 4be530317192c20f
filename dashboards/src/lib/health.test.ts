import { describe as suite, expect, test } from 'vitest';
import type { Health } from './api';
import { describe, newDrops, type Item } from './health';

const NOW = Date.parse('2026-01-31T18:00:00Z');

function health(change: {
  status?: Health['status'];
  started?: string;
  dropped?: Partial<Health['capture']['dropped']>;
  store?: Partial<Health['store']>;
  unmapped?: number;
}): Health {
  return {
    status: change.status ?? 'ok',
    reasons: [],
    alerts: [],
    knowledge: { names: 0, peers: 0, evicted: 0 },
    version: '0.1.0',
    started: change.started ?? '2026-01-31T17:00:00Z',
    probe: 'paris-1',
    capture: {
      packets: 1000,
      octets: 100_000,
      packets_per_second: 10,
      undecodable: 0,
      late: 0,
      implausible_time: 0,
      sampled_packets: 0,
      sampling_workers: 0,
      undetermined: 0,
      uninspected_flows: 0,
      unprobed_flows: 0,
      unprobed_workers: 0,
      unsettled_evicted: 0,
      unmapped: change.unmapped ?? 0,
      dropped: { kernel: 0, interface: 0, queue: 0, table_full: 0, ...change.dropped },
    },
    flows: { active: 5, capacity: 100, started: 50 },
    store: {
      kind: 'embedded',
      version: '26.7',
      queued_rows: 0,
      written_rows: 10,
      failed_inserts: 0,
      dropped_rows: 0,
      last_error: null,
      last_interval: null,
      lag_seconds: 3,
      disk_octets: 1000,
      disk_rows: 10,
      dropped_octets: 0,
      damage: {
        compared: true,
        failed_reads: 0,
        missing_days: 0,
        missing_octets: 0,
        parts: 0,
        tables: 0,
      },
      spool: null,
      mark_seconds: null,
      mark_error: null,
      weak_settings: [],
      ...change.store,
    },
    links: [],
  };
}

function items(answer: Health, droppedAt: number | null = null): Record<string, Item> {
  const list = describe({ health: answer, packetsPerSecond: null, droppedAt, now: NOW });
  return Object.fromEntries(list.map((item) => [item.id, item]));
}

suite('the strip', () => {
  test('is calm when all is well, and does not speak of zeros', () => {
    const calm = items(health({}));
    expect(Object.values(calm).some(({ tone }) => tone === 'alarm')).toBe(false);
    expect(calm.drops?.value).toBe('none');
    expect(calm.unmapped).toBeUndefined();
    expect(items(health({ unmapped: 7 })).unmapped?.value).toBe('7');
  });

  test('old drops are told with their reasons, new ones are an alarm', () => {
    const dropped = health({ dropped: { kernel: 12, table_full: 3 } });
    expect(items(dropped).drops).toMatchObject({ value: 'kernel 12 · flow table 3', tone: 'note' });
    expect(items(dropped, NOW - 5000).drops?.tone).toBe('alarm');
    expect(items(dropped, NOW - 61_000).drops?.tone).toBe('note');
  });

  test('a degraded probe and a late store are alarms', () => {
    const status = (store: Partial<Health['store']>) =>
      items(health({ status: 'degraded', store })).status?.tone;
    expect(status({ last_error: 'refused' })).toBe('alarm');
    expect(status({ disk_octets: null })).toBe('alarm');
    expect(status({ queued_rows: 1, lag_seconds: 61 })).toBe('alarm');
    // Degraded for what was dropped hours ago.
    expect(status({})).toBe('note');
    const lag = (store: Partial<Health['store']>) => items(health({ store })).lag?.tone;
    expect(lag({ queued_rows: 1, lag_seconds: 61 })).toBe('alarm');
    expect(lag({ queued_rows: 1, lag_seconds: 60 })).toBe('plain');
    // Nothing waits: the probe is idle, not late.
    expect(lag({ queued_rows: 0, lag_seconds: 600 })).toBe('note');
    expect(items(health({ store: { lag_seconds: null } })).lag?.value).toBe('–');
    const told = { ...health({ status: 'degraded' }), reasons: ['the store does not answer'] };
    expect(items(told).status?.hint).toContain('The store does not answer.');
    expect(items(health({ store: { last_error: 'refused' } })).lag?.hint).toContain('refused');
  });
});

suite('new drops', () => {
  test('are the growth of all counters', () => {
    const before = health({ dropped: { kernel: 5 } });
    const after = health({ dropped: { kernel: 7, queue: 1 }, store: { dropped_rows: 4 } });
    expect(newDrops(before, after)).toBe(7n);
    expect(newDrops(after, after)).toBe(0n);
  });

  test('are not what a first answer, or one after a restart, begins with', () => {
    const after = health({ dropped: { kernel: 7 } });
    expect(newDrops(null, after)).toBe(0n);
    expect(newDrops(health({ started: '2026-01-30T00:00:00Z' }), after)).toBe(0n);
  });
});
