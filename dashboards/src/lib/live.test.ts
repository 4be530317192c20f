import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiError, type LiveUpdate } from './api';
import { follow, waitBefore } from './live';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A stream that sends these events and ends. */
function stream(...times: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const time of times) {
        controller.enqueue(encoder.encode(`event: live\ndata: {"time":"${time}"}\n\n`));
      }
      controller.close();
    },
  });
}

function record() {
  const seen: string[] = [];
  return {
    seen,
    handlers: {
      update: ({ time }: LiveUpdate) => void seen.push(time),
      event: () => void seen.push('event'),
      reopened: () => void seen.push('reopened'),
      failed: (error: unknown) => void seen.push((error as ApiError).title),
    },
  };
}

test('opens again when the stream ends, and says so once it speaks', async () => {
  const { seen, handlers } = record();
  const streams = [stream('1', '2'), stream('3')];
  const stop = follow(() => Promise.resolve(streams.shift() ?? stream()), handlers);
  await vi.advanceTimersByTimeAsync(0);
  expect(seen).toEqual(['1', '2', 'The live stream ended']);
  await vi.advanceTimersByTimeAsync(waitBefore(0));
  expect(seen.slice(3, 5)).toEqual(['3', 'reopened']);
  stop();
});

test('waits longer after each failure', async () => {
  expect([0, 1, 2, 3, 4, 50].map(waitBefore)).toEqual([1000, 2000, 4000, 8000, 15_000, 15_000]);
  const open = vi.fn(() => Promise.reject(new ApiError(0, 'away', '')));
  const stop = follow(open, record().handlers);
  await vi.advanceTimersByTimeAsync(2999);
  expect(open).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(open).toHaveBeenCalledTimes(3);
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(open).toHaveBeenCalledTimes(3);
});

test('gives a silent connection up', async () => {
  const { seen, handlers } = record();
  const signals: AbortSignal[] = [];
  const stop = follow((signal) => {
    signals.push(signal);
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    );
  }, handlers);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(signals[0]?.aborted).toBe(true);
  expect(seen).toEqual(['The live stream is silent']);
  stop();
});

test('does not ask again with a token that was refused', async () => {
  const open = vi.fn(() => Promise.reject(new ApiError(401, 'Unauthorized', '')));
  follow(open, record().handlers);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(open).toHaveBeenCalledTimes(1);
});

test('tells of events beside the rates', async () => {
  const { seen, handlers } = record();
  const text =
    'event: event\ndata: {"id":"1","state":"open"}\n\nevent: live\ndata: {"time":"1"}\n\n';
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new TextEncoder().encode(text)),
  });
  const stop = follow(() => Promise.resolve(body), handlers);
  await vi.advanceTimersByTimeAsync(0);
  stop();
  expect(seen.slice(0, 2)).toEqual(['event', '1']);
});
