/** Asking again where the server says that it is busy, and when to come again. */

import { ApiError } from './api';
import type { Millis } from './time';

/** How often a question is repeated before the page says that the server is busy. */
const TRIES = 4;
/** No longer than this between two tries, whatever the server says. */
const LONGEST: Millis = 15_000;

export type Sleep = (time: Millis, signal: AbortSignal) => Promise<void>;

/** Asks until there is an answer, or an error that waiting does not mend. */
export async function patiently<T>(
  run: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  sleep: Sleep = rest,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run(signal);
    } catch (cause) {
      const wait = cause instanceof ApiError ? cause.retryAfter : null;
      if (wait === null || tries >= TRIES || signal.aborted) throw cause;
      // Screens that were refused together should not come again together.
      await sleep(Math.min(wait, LONGEST) * (1 + Math.random() / 2), signal);
      signal.throwIfAborted();
    }
  }
}

/** Waits; ends early when there is nothing to wait for any more. */
function rest(time: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, time);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
