/** The API, /api/v1: its questions, and its errors as one class. The page asks nobody else. */

import type * as A from './answers';
import { t } from './i18n.svelte';
import { printTime, type Interval, type Millis } from './time';

export * from './answers';

/** Why a request failed, in words for the user (RFC 9457 where the API said why). */
export class ApiError extends Error {
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  readonly title: string;
  /** Nobody answers at all: no request would fare better. */
  readonly unreachable: boolean;
  /** After how long the server wants to be asked again, where it is only busy. */
  readonly retryAfter: Millis | null;

  constructor(
    status: number,
    title: string,
    detail: string,
    {
      unreachable = false,
      retryAfter = null,
    }: Partial<Pick<ApiError, 'unreachable' | 'retryAfter'>> = {},
  ) {
    super(detail);
    this.name = 'ApiError';
    this.unreachable = unreachable;
    this.retryAfter = retryAfter;
    this.status = status;
    this.title = title;
  }
}

/** How long an answer may take. */
const TIMEOUT_MS = 30_000;
/** A difference to the server's clock below this is the `Date` header's own coarseness. */
const SKEW_MS = 3000;

/** Parameters of a request; what is null, undefined or empty is left out. */
export type Parameters = Record<
  string,
  string | number | boolean | readonly string[] | null | undefined
>;

/** What is asked of volumes and totals. */
export interface VolumeRequest {
  interval: Interval;
  groupBy: readonly string[];
  links?: readonly string[];
  filter?: string;
  /** Values of further dimensions. */
  only?: Readonly<Record<string, readonly string[]>>;
  step?: number;
  /** How many groups; the rest comes as one, `other` in every dimension. */
  top?: number;
  statistics?: boolean;
  compare?: string;
}

/** The most groups that the API gives. */
export const MOST_GROUPS = 200;

export class Api {
  #skew = 0;

  /** The server's clock as its last answer told it: the viewer's may be wrong. */
  now(): Millis {
    return Date.now() + this.#skew;
  }

  /** How far its clock is ahead of the viewer's. */
  get skew(): Millis {
    return this.#skew;
  }

  links = () => this.get<{ links: A.Link[] }>('links');
  services = () => this.get<{ services: A.Service[] }>('services');
  health = () => this.get<A.Health>('health');
  session = () => this.get<A.Session>('session');

  volumes = (request: VolumeRequest, signal?: AbortSignal) =>
    this.get<A.Volumes>('volumes', volumeParameters(request), signal);

  totals = (request: VolumeRequest, signal?: AbortSignal) =>
    this.get<A.Totals>('totals', volumeParameters(request), signal);

  /** Exchanges a token for a session cookie, which scripts cannot read. */
  async login(token: string): Promise<void> {
    await this.post('session', { token });
  }

  async logout(): Promise<void> {
    await this.#fetch('session', null, 'application/json', { method: 'DELETE' });
  }

  get<T>(path: string, parameters: Parameters = {}, signal?: AbortSignal): Promise<T> {
    return this.#json<T>(path + search(parameters), signal);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#json<T>(path, undefined, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async remove(path: string): Promise<void> {
    await this.#fetch(path, null, 'application/json', { method: 'DELETE' });
  }

  /** The body of the live stream. It stays open: there is no time limit but the caller's. */
  async live(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#fetch('live', signal, 'text/event-stream');
    if (!response.body) throw new ApiError(0, t('live.ended'), '');
    return response.body;
  }

  async #json<T>(path: string, signal?: AbortSignal, init: RequestInit = {}): Promise<T> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const both = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const response = await this.#fetch(path, both, 'application/json', init);
    try {
      return parseJson(await response.text()) as T;
    } catch (cause) {
      if (both.aborted) throw asApiError(cause);
      const asked = `/api/v1/${path.split('?')[0]}`;
      throw new ApiError(
        response.status,
        t('error.notUnderstood'),
        t('error.notJson', { path: asked }),
      );
    }
  }

  async #fetch(
    path: string,
    signal: AbortSignal | null,
    accept: string,
    init: RequestInit = {},
  ): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(apiUrl(path), {
        ...init,
        headers: { Accept: accept, ...init.headers },
        signal,
        cache: 'no-store',
        credentials: 'same-origin',
      });
    } catch (cause) {
      throw asApiError(cause);
    }
    const date = Date.parse(response.headers.get('Date') ?? '');
    if (Number.isFinite(date)) {
      const skew = date + 500 - Date.now();
      this.#skew = Math.abs(skew) > SKEW_MS ? skew : 0;
    }
    if (!response.ok) throw await problem(response);
    return response;
  }
}

/** The whole address of a request, as it can be copied. */
export function apiUrl(path: string): URL {
  return new URL(`api/v1/${path}`, document.baseURI);
}

/** Lists are repeated parameters. */
export function search(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === '' || value === false) continue;
    if (Array.isArray(value)) for (const one of value) query.append(name, one);
    else query.set(name, String(value));
  }
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

export function volumeParameters({
  interval,
  groupBy,
  links = [],
  filter,
  only = {},
  step,
  top = MOST_GROUPS,
  statistics,
  compare,
}: VolumeRequest): Parameters {
  return {
    ...rangeOf(interval),
    group_by: groupBy.join(','),
    top: groupBy.length > 0 ? top : undefined,
    step,
    link: links,
    ...only,
    filter,
    statistics,
    compare,
  };
}

export function rangeOf(interval: Interval): { from: string; to: string } {
  return { from: printTime(interval.from), to: printTime(interval.to) };
}

/**
 * JSON, with integers above 2^53 as bigint where the browser gives their text (a month at 100 Gbit/s is
 * more octets than a double can count).
 */
export function parseJson(text: string): unknown {
  type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;
  const exact: Reviver = (_key, value, context) =>
    typeof value === 'number' &&
    !Number.isSafeInteger(value) &&
    context?.source !== undefined &&
    /^\d+$/.test(context.source)
      ? BigInt(context.source)
      : value;
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown);
}

/** An answer that is an error, as the API explains it. */
async function problem(response: Response): Promise<ApiError> {
  const fallback = `The server answered with status ${response.status}.`;
  const retryAfter = response.status === 503 ? seconds(response.headers.get('Retry-After')) : null;
  try {
    const body = JSON.parse(await response.text()) as {
      title?: string;
      detail?: string;
      errors?: { parameter?: string; detail?: string }[];
    };
    const several = (body.errors ?? [])
      .map(({ parameter, detail }) => [parameter, detail].filter(Boolean).join(': '))
      .filter((line) => line !== '' && line !== body.detail);
    const detail = [body.detail, ...several].filter(Boolean).join(' ');
    const title = body.title ?? 'Request failed';
    return new ApiError(response.status, title, detail || fallback, { retryAfter });
  } catch {
    const title = response.statusText || 'Request failed';
    return new ApiError(response.status, title, fallback, { retryAfter });
  }
}

/** `Retry-After` in seconds; a date, which this API does not send, says nothing here. */
function seconds(text: string | null): Millis | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) * 1000 : null;
}

/** Whether a request ended because a newer one took its place. */
export function isAborted(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}

function asApiError(cause: unknown): unknown {
  if (isAborted(cause) || cause instanceof ApiError) return cause;
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    return new ApiError(0, t('error.late'), t('error.lateWhy', { seconds: TIMEOUT_MS / 1000 }));
  }
  return new ApiError(0, t('error.unreachable'), t('error.unreachableWhy'), { unreachable: true });
}
