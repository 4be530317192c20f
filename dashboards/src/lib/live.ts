/** The live stream: kept open, opened again when it ends, and honest about its age. */

import { ApiError, isAborted, parseJson, type LiveUpdate } from './api';
import { t } from './i18n.svelte';
import { EventParser } from './sse';

/** Without an event for this long the connection is dead, even if nobody closed it. */
const SILENT_MS = 10_000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

export interface LiveHandlers {
  update(update: LiveUpdate): void;
  /** An event began, changed or ended. */
  event(): void;
  /** The stream is open again, after having been closed. */
  reopened(): void;
  /** It could not be opened, or ended. It is tried again, but for a wrong token. */
  failed(error: unknown): void;
}

/** Time before the next attempt: doubles, up to a bound. */
export function waitBefore(attempt: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10));
}

/**
 * Reads the stream until the returned function is called. `fetch` rather than EventSource, which
 * tells neither why it failed nor that it fell silent.
 */
export function follow(
  open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>,
  handlers: LiveHandlers,
): () => void {
  const stop = new AbortController();
  void run(open, handlers, stop.signal);
  return () => stop.abort();
}

async function run(
  open: (signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>,
  handlers: LiveHandlers,
  stopped: AbortSignal,
): Promise<void> {
  let attempt = 0;
  let broken = false;
  while (!stopped.aborted) {
    const connection = new AbortController();
    const signal = AbortSignal.any([stopped, connection.signal]);
    let watch = setTimeout(() => connection.abort(), SILENT_MS);
    try {
      const reader = (await open(signal)).getReader();
      const decoder = new TextDecoder();
      const parser = new EventParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        clearTimeout(watch);
        watch = setTimeout(() => connection.abort(), SILENT_MS);
        for (const { event, data } of parser.push(decoder.decode(value, { stream: true }))) {
          if (event === 'event') handlers.event();
          if (event !== 'live') continue;
          handlers.update(parseJson(data) as LiveUpdate);
          if (broken) handlers.reopened();
          broken = false;
          attempt = 0;
        }
      }
      handlers.failed(new ApiError(0, t('live.ended'), t('live.again')));
    } catch (cause) {
      if (stopped.aborted) return;
      handlers.failed(isAborted(cause) ? new ApiError(0, t('live.silent'), '') : cause);
      // Asking again with the same token would not help: the form starts a new stream.
      if (cause instanceof ApiError && cause.status === 401) return;
    } finally {
      clearTimeout(watch);
      connection.abort();
    }
    broken = true;
    await sleep(waitBefore(attempt), stopped);
    attempt += 1;
  }
}

function sleep(millis: number, stopped: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, millis);
    stopped.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
  });
}
