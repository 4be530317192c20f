/** The API, /api/v1: its answers as types, its errors as one class. The page asks nobody else. */

import type { Count } from './units';
import { printTime, type Interval, type Millis } from './time';

export interface Link {
  name: string;
  kind: string | null;
  capacity_bps: number | null;
  neighbour_asn: number | null;
  description: string | null;
}

export interface Service {
  name: string;
  category: string;
}

export interface Volume {
  octets: Count;
  packets: Count;
  flows: Count;
}

export type Group = Partial<Record<string, string>>;

/** One class over time. Null where the bucket was not observed: unknown, not zero. */
export interface Series {
  group: Group;
  octets: (Count | null)[];
  packets: (Count | null)[];
  flows: (Count | null)[];
  total: Volume;
}

export interface Volumes {
  from: string;
  to: string;
  step_seconds: number;
  buckets: string[];
  observed: boolean[];
  series: Series[];
}

export interface Totals {
  from: string;
  to: string;
  rows: (Volume & { group: Group })[];
  total: Volume;
}

export interface Dropped {
  kernel: Count;
  interface: Count;
  queue: Count;
  table_full: Count;
}

export interface Health {
  status: string;
  /** What needs a look, in words. */
  reasons?: string[];
  version: string;
  started: string;
  probe: string;
  capture: {
    packets: Count;
    octets: Count;
    packets_per_second: number;
    undecodable: Count;
    late: Count;
    implausible_time?: Count;
    unmapped: Count;
    undetermined?: Count;
    dropped: Dropped;
  };
  flows: { active: number; capacity: number; started: Count };
  store: {
    kind: string;
    version: string | null;
    queued_rows: number;
    written_rows: Count;
    failed_inserts: Count;
    dropped_rows: Count;
    /** Null while the database does not answer. */
    disk_octets?: Count | null;
    last_error: string | null;
    last_interval: string | null;
    lag_seconds: number | null;
  };
  links: { name: string; last_packet: string | null }[];
}

export interface LiveLink {
  name: string;
  in_bps: number;
  out_bps: number;
  in_pps: number;
  out_pps: number;
}

export interface LiveUpdate {
  time: string;
  links: LiveLink[];
  categories: { name: string; in_bps: number; out_bps: number }[];
  packets_per_second: number;
  active_flows: number;
}

/** Why a request failed, in words for the user (RFC 9457 where the API said why). */
export class ApiError extends Error {
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  readonly title: string;

  constructor(status: number, title: string, detail: string) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.title = title;
  }
}

/** The token lives in memory, and in sessionStorage so that a reload of this tab keeps it. It is never
 * in the URL or in localStorage, and ends with the tab. */
const TOKEN_KEY = 'etiage.token';

/** How long an answer may take. */
const TIMEOUT_MS = 30_000;
/** A difference to the server's clock below this is the `Date` header's own coarseness. */
const SKEW_MS = 3000;

export interface VolumeRequest {
  interval: Interval;
  groupBy: string[];
  links?: string[];
  step?: number;
  /** How many groups; the rest comes as one, `other` in every dimension. */
  top?: number;
}

/** The most groups that the API gives. */
const MOST_GROUPS = 200;

export class Api {
  #token: string | null;
  #skew = 0;

  constructor() {
    this.#token = storage()?.getItem(TOKEN_KEY) ?? null;
  }

  setToken(token: string): void {
    this.#token = token;
    storage()?.setItem(TOKEN_KEY, token);
  }

  forgetToken(): void {
    this.#token = null;
    storage()?.removeItem(TOKEN_KEY);
  }

  get hasToken(): boolean {
    return this.#token !== null;
  }

  /** The server's clock as its last answer told it: the viewer's may be wrong. */
  now(): Millis {
    return Date.now() + this.#skew;
  }

  links(): Promise<{ links: Link[] }> {
    return this.#json('links');
  }

  services(): Promise<{ services: Service[] }> {
    return this.#json('services');
  }

  health(): Promise<Health> {
    return this.#json('health');
  }

  volumes(request: VolumeRequest, signal: AbortSignal): Promise<Volumes> {
    return this.#json(`volumes?${query(request)}`, signal);
  }

  totals(request: VolumeRequest, signal: AbortSignal): Promise<Totals> {
    return this.#json(`totals?${query(request)}`, signal);
  }

  /** The body of the live stream. It stays open: there is no time limit but the caller's. */
  async live(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#fetch('live', signal, 'text/event-stream');
    if (!response.body) throw new ApiError(0, 'No live stream', 'The answer has no body.');
    return response.body;
  }

  async #json<T>(path: string, signal?: AbortSignal): Promise<T> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const both = signal ? AbortSignal.any([signal, timeout]) : timeout;
    const response = await this.#fetch(path, both, 'application/json');
    try {
      return parseJson(await response.text()) as T;
    } catch (cause) {
      if (both.aborted) throw asApiError(cause);
      throw new ApiError(
        response.status,
        'The answer is not understood',
        `/api/v1/${path.split('?')[0]} answered with something that is not JSON. Is there a proxy in between?`,
      );
    }
  }

  async #fetch(path: string, signal: AbortSignal, accept: string): Promise<Response> {
    const headers: Record<string, string> = { Accept: accept };
    if (this.#token !== null) headers.Authorization = `Bearer ${this.#token}`;
    let response: Response;
    try {
      const url = new URL(`api/v1/${path}`, document.baseURI);
      response = await fetch(url, { headers, signal, cache: 'no-store' });
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

function query({ interval, groupBy, links = [], step, top = MOST_GROUPS }: VolumeRequest): string {
  const parameters = new URLSearchParams({
    from: printTime(interval.from),
    to: printTime(interval.to),
    group_by: groupBy.join(','),
    top: String(top),
  });
  if (step !== undefined) parameters.set('step', String(step));
  for (const link of links) parameters.append('link', link);
  return parameters.toString();
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
    return new ApiError(response.status, body.title ?? 'Request failed', detail || fallback);
  } catch {
    return new ApiError(response.status, response.statusText || 'Request failed', fallback);
  }
}

/** Whether a request ended because a newer one took its place. */
export function isAborted(cause: unknown): boolean {
  return cause instanceof DOMException && cause.name === 'AbortError';
}

function asApiError(cause: unknown): unknown {
  if (isAborted(cause) || cause instanceof ApiError) return cause;
  if (cause instanceof DOMException && cause.name === 'TimeoutError') {
    return new ApiError(
      0,
      'No answer in time',
      `The server took longer than ${TIMEOUT_MS / 1000} s. A shorter range asks less of it.`,
    );
  }
  return new ApiError(
    0,
    'The server cannot be reached',
    'The appliance is stopped, restarting, or cut off from this browser. The page keeps trying.',
  );
}

function storage(): Storage | undefined {
  try {
    return globalThis.sessionStorage;
  } catch {
    return undefined; // Forbidden by the browser's settings: the token then lives in memory only.
  }
}
