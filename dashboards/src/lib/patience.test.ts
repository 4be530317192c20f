import { describe, expect, test } from 'vitest';
import { ApiError } from './api';
import { patiently } from './patience';

const busy = (retryAfter: number | null) =>
  new ApiError(503, 'Service Unavailable', 'too much is asked', { retryAfter });

/** Fails so often, then answers; what was waited meanwhile. */
async function ask(failures: number, error: ApiError) {
  const waits: number[] = [];
  let asked = 0;
  const run = () => {
    asked += 1;
    return asked > failures ? Promise.resolve('answer') : Promise.reject(error);
  };
  const sleep = (time: number) => {
    waits.push(time);
    return Promise.resolve();
  };
  const answer = await patiently(run, new AbortController().signal, sleep).catch((cause) => cause);
  return { answer, asked, waits };
}

describe('patiently', () => {
  test('comes again when a busy server says so', async () => {
    const { answer, waits } = await ask(2, busy(2000));
    expect(answer).toBe('answer');
    expect(waits).toHaveLength(2);
    for (const wait of waits) {
      expect(wait).toBeGreaterThanOrEqual(2000);
      expect(wait).toBeLessThanOrEqual(3000);
    }
  });

  test('gives up in the end, and does not wait for ever', async () => {
    const { answer, asked, waits } = await ask(99, busy(3_600_000));
    expect(answer).toBeInstanceOf(ApiError);
    expect(asked).toBe(4);
    expect(Math.max(...waits)).toBeLessThanOrEqual(22_500);
  });

  test('other errors are told at once', async () => {
    expect((await ask(1, busy(null))).asked).toBe(1);
    expect((await ask(1, new ApiError(400, 'Bad Request', 'wrong'))).asked).toBe(1);
  });

  test('a newer question ends the waiting', async () => {
    const newer = new AbortController();
    const asking = patiently(() => Promise.reject(busy(10_000)), newer.signal);
    setTimeout(() => newer.abort(), 1);
    await expect(asking).rejects.toMatchObject({ name: 'AbortError' });
  });
});
