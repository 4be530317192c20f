/** The state behind the overview: what is asked for, what came back, how old it is. */

import {
  Api,
  ApiError,
  isAborted,
  type Health,
  type Link,
  type LiveUpdate,
  type Totals,
  type Volumes,
} from './api';
import { DROP_ALARM_MS, newDrops } from './health';
import { follow } from './live';
import { chooseStep, endsNow, refreshSeconds, resolve, type Interval, type Range } from './time';
import { parseView, printView, type View } from './view';

/** The largest of a dimension, and how they divide by direction. */
export interface Largest {
  rows: Totals;
  split: Totals;
}

/** Rows of the top tables. */
const TOP = 10;

/** Everything of one range, asked for together, so that all panels speak of the same time. */
export interface Answer {
  interval: Interval;
  links: string[];
  step: number;
  volumes: Volumes;
  byCategory: Totals;
  services: Largest;
  protocols: Largest;
  byLink: Totals;
  /** When it was asked for, by the server's clock. */
  at: number;
}

/** A live update older than this is shown as old. */
export const STALE_MS = 5000;
/** Seconds of live history kept for each link's small chart. */
const HISTORY = 120;
const HEALTH_EVERY_MS = 10_000;
/** After a failure, and never more often. */
const RETRY_MS = 10_000;

export class Overview {
  readonly api = new Api();

  view = $state.raw<View>(parseView('', 0).view);
  problems = $state.raw<string[]>([]);
  /** The server's clock, once a second. */
  now = $state(Date.now());

  answer = $state.raw<Answer | null>(null);
  error = $state.raw<ApiError | null>(null);
  loading = $state(false);

  links = $state.raw<Link[]>([]);
  serviceCategory = $state.raw<ReadonlyMap<string, string>>(new Map());
  health = $state.raw<Health | null>(null);
  healthFailed = $state(false);
  droppedAt = $state.raw<number | null>(null);

  live = $state.raw<LiveUpdate | null>(null);
  liveAt = $state.raw<number | null>(null);
  history = $state.raw<readonly LiveUpdate[]>([]);

  /** The API wants a bearer token; "wrong" when the one it got was refused. */
  token = $state<'fine' | 'wanted' | 'wrong'>('fine');

  #request: AbortController | null = null;
  #askedAt = 0;
  #healthAskedAt = 0;
  #listsAskedAt = 0;
  #stopLive = () => {};

  isLive = $derived(this.liveAt !== null && this.now - this.liveAt < STALE_MS);

  /** Starts everything; the returned function ends it. */
  start(): () => void {
    this.#readUrl();
    const onPop = () => {
      this.#readUrl();
      void this.refresh();
    };
    addEventListener('popstate', onPop);
    const timer = setInterval(() => this.#tick(), 1000);
    this.#begin();
    return () => {
      removeEventListener('popstate', onPop);
      clearInterval(timer);
      this.#stopLive();
      this.#request?.abort();
    };
  }

  setRange(range: Range): void {
    this.problems = [];
    this.#go({ ...this.view, range });
  }

  toggleLink(name: string): void {
    const { links } = this.view;
    const next = links.includes(name) ? links.filter((link) => link !== name) : [...links, name];
    this.#go({ ...this.view, links: next });
  }

  showAllLinks(): void {
    this.#go({ ...this.view, links: [] });
  }

  /** Looks, not content: no entry in the browser's history, no new request. */
  setLook(change: Partial<Pick<View, 'theme' | 'zone'>>): void {
    this.view = { ...this.view, ...change };
    history.replaceState(null, '', printView(this.view));
  }

  dismissProblems(): void {
    this.problems = [];
  }

  useToken(token: string): void {
    this.api.setToken(token);
    this.token = 'fine';
    this.error = null;
    this.#begin();
  }

  /** Asks for the shown range again; what is shown stays until the answer is there. */
  async refresh(): Promise<void> {
    if (this.token !== 'fine') return;
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    this.#askedAt = Date.now();
    this.loading = true;
    const { view } = this;
    const at = this.api.now();
    const interval = resolve(view.range, at);
    const step = chooseStep(interval);
    const { links } = view;
    try {
      const totals = (groupBy: string[], only: string[], top?: number) =>
        this.api.totals({ interval, groupBy, links: only, top }, request.signal);
      const largest = async (dimension: string): Promise<Largest> => {
        const [rows, split] = await Promise.all([
          totals([dimension], links, TOP),
          totals([dimension, 'direction'], links),
        ]);
        return { rows, split };
      };
      const [volumes, byCategory, services, protocols, byLink] = await Promise.all([
        this.api.volumes(
          { interval, groupBy: ['category', 'direction'], links, step },
          request.signal,
        ),
        totals(['category', 'direction'], links),
        largest('service'),
        largest('protocol'),
        totals(['link', 'direction'], []),
      ]);
      this.answer = { interval, links, step, volumes, byCategory, services, protocols, byLink, at };
      this.error = null;
    } catch (cause) {
      if (isAborted(cause) || this.#request !== request) return;
      request.abort(); // The other requests of the same answer are of no use now.
      this.#fail(cause);
    } finally {
      if (this.#request === request) this.loading = false;
    }
  }

  #begin(): void {
    this.#stopLive();
    this.#stopLive = follow((signal) => this.api.live(signal), {
      update: (update) => this.#onLive(update),
      reopened: () => {
        void this.#askHealth();
        void this.#askLists();
        this.#refreshIfDue(RETRY_MS);
      },
      failed: (cause) => this.#checkToken(cause),
    });
    void this.#askLists();
    // Health first: its answer also tells the server's time, by which "now" is counted.
    void this.#askHealth().then(() => this.refresh());
  }

  #tick(): void {
    this.now = this.api.now();
    if (document.hidden || this.token !== 'fine') return;
    if (Date.now() - this.#healthAskedAt >= HEALTH_EVERY_MS) void this.#askHealth();
    const listsMissing = this.links.length === 0 && Date.now() - this.#listsAskedAt >= RETRY_MS;
    if (listsMissing) void this.#askLists();
    if (this.error) this.#refreshIfDue(RETRY_MS);
    else if (endsNow(this.view.range))
      this.#refreshIfDue(refreshSeconds(this.answer?.step ?? 10) * 1000);
  }

  #refreshIfDue(after: number): void {
    if (!this.loading && Date.now() - this.#askedAt >= after) void this.refresh();
  }

  #onLive(update: LiveUpdate): void {
    this.live = update;
    this.liveAt = this.api.now();
    this.now = this.liveAt;
    this.history = [...this.history.slice(-(HISTORY - 1)), update];
  }

  async #askHealth(): Promise<void> {
    this.#healthAskedAt = Date.now();
    try {
      const health = await this.api.health();
      if (newDrops(this.health, health) > 0n) this.droppedAt = this.api.now();
      else if (this.droppedAt !== null && this.api.now() - this.droppedAt > DROP_ALARM_MS) {
        this.droppedAt = null;
      }
      this.health = health;
      this.healthFailed = false;
    } catch (cause) {
      this.healthFailed = true;
      this.#checkToken(cause);
    }
  }

  async #askLists(): Promise<void> {
    this.#listsAskedAt = Date.now();
    try {
      const [{ links }, { services }] = await Promise.all([this.api.links(), this.api.services()]);
      this.links = links;
      this.serviceCategory = new Map(services.map(({ name, category }) => [name, category]));
    } catch (cause) {
      this.#checkToken(cause); // The tables do without; the volumes' own request tells the user.
    }
  }

  #fail(cause: unknown): void {
    if (this.#checkToken(cause)) return;
    this.error =
      cause instanceof ApiError
        ? cause
        : new ApiError(0, 'The answer is not understood', String(cause));
  }

  /** Whether the API wants another token than it got. */
  #checkToken(cause: unknown): boolean {
    if (!(cause instanceof ApiError) || cause.status !== 401) return false;
    if (this.api.hasToken) {
      this.token = 'wrong';
      this.api.forgetToken();
    } else if (this.token === 'fine') {
      this.token = 'wanted';
    }
    return true;
  }

  #go(view: View): void {
    this.view = view;
    history.pushState(null, '', printView(view));
    void this.refresh();
  }

  #readUrl(): void {
    const { view, problems } = parseView(location.search, this.api.now());
    this.view = view;
    this.problems = problems;
  }
}
