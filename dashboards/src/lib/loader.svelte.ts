/** One question to the API: its last answer, whether a newer one is on its way, and why none came. */

import { untrack } from 'svelte';
import { ApiError, isAborted } from './api';
import { t } from './i18n.svelte';
import { patiently } from './patience';
import type { Millis } from './time';

/** What a loader needs of the page around it. */
export interface Surroundings {
  now(): Millis;
  /** Tells of a failure; true where it is dealt with elsewhere (nobody is logged in). */
  failed(cause: unknown): boolean;
}

export class Loader<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<ApiError | null>(null);
  loading = $state(false);
  /** When the shown answer was asked for, by the server's clock. */
  at = $state<Millis | null>(null);

  readonly #surroundings: Surroundings;
  #request: AbortController | null = null;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Asks; what is shown stays until the answer is there. A newer question takes an older one's place. */
  ask(run: (signal: AbortSignal) => Promise<T>): void {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const at = this.#surroundings.now();
    untrack(() => (this.loading = true));
    void this.#run(run, request, at);
  }

  async #run(
    run: (signal: AbortSignal) => Promise<T>,
    request: AbortController,
    at: Millis,
  ): Promise<void> {
    try {
      const value = await patiently(run, request.signal);
      if (this.#request !== request) return;
      this.value = value;
      this.at = at;
      this.error = null;
    } catch (cause) {
      if (this.#request !== request || isAborted(cause)) return;
      request.abort(); // The other requests of the same answer are of no use now.
      if (this.#surroundings.failed(cause)) return;
      this.error =
        cause instanceof ApiError
          ? cause
          : new ApiError(0, t('error.notUnderstood'), String(cause));
    } finally {
      if (this.#request === request) this.loading = false;
    }
  }

  /** Nothing is asked any more, and nothing shown. */
  clear(): void {
    this.#request?.abort();
    this.#request = null;
    this.value = null;
    this.error = null;
    this.loading = false;
  }

  stop(): void {
    this.#request?.abort();
  }
}
