/** Events as the pages say them: marks on charts, severity, length. Pure. */

import type { EventSummary } from './api';
import { t, tn } from './i18n.svelte';
import type { Millis } from './time';
import { NOTHING, decimal, formatDuration } from './units';

/** Where an event touches a chart. */
export interface EventMark {
  id: string;
  from: Millis;
  to: Millis;
  title: string;
  /** Red is for what is open and grave; what is over is history. */
  tone: 'plain' | 'alarm';
  /** Whether it has ended. */
  over: boolean;
  sign: string;
}

const GRAVE = ['warning', 'critical'];

export function isAlarm(event: Pick<EventSummary, 'state' | 'severity' | 'acknowledged'>): boolean {
  return event.state === 'open' && GRAVE.includes(event.severity) && event.acknowledged === null;
}

export function signOf({ sign }: Pick<EventSummary, 'sign'>): string {
  return sign === 'surge' ? '▲' : '▼';
}

/** "−12 %": how deep, or how high for a surge. */
export function formatDepth(event: Pick<EventSummary, 'depth_percent' | 'sign'>): string {
  const depth = Math.abs(event.depth_percent);
  if (!Number.isFinite(depth)) return NOTHING;
  const way = event.sign === 'surge' ? '+' : '−';
  return `${way}${decimal(depth.toFixed(depth < 10 ? 1 : 0))}\u00a0%`;
}

export function titleOf(event: EventSummary): string {
  return `${event.subject} · ${formatDepth(event)} · ${tn('state', event.state)}`;
}

/** From onset to recovery; an open one reaches to now. */
export function markOf(event: EventSummary, now: Millis): EventMark {
  return {
    id: event.id,
    from: Date.parse(event.onset),
    to: event.ended === null ? now : Date.parse(event.ended),
    title: titleOf(event),
    tone: isAlarm(event) ? 'alarm' : 'plain',
    over: event.ended !== null,
    sign: signOf(event),
  };
}

export function lasted(event: EventSummary, now: Millis): string {
  const to = event.ended === null ? now : Date.parse(event.ended);
  const text = formatDuration((to - Date.parse(event.onset)) / 1000);
  return event.ended === null ? t('events.since', { time: text }) : text;
}
