/** The state behind all pages: where we are, what time it is, who asks, what is live. */

import { onDestroy } from 'svelte';
import type { Palette } from './axes';
import { Api, ApiError, type Health, type Link, type LiveUpdate, type Session } from './api';
import { DROP_ALARM_MS, newDrops } from './health';
import { preferred, setLanguage } from './i18n.svelte';
import { follow as followLive } from './live';
import { Loader, type Surroundings } from './loader.svelte';
import { chooseStep, endsNow, refreshSeconds, resolve, type Interval, type Range } from './time';
import { rememberedLanguage } from './theme';
import { defaultView, follow, parseView, printView, type Page, type View } from './url';

/** A live update older than this is shown as old. */
export const STALE_MS = 5000;
const HEALTH_EVERY_MS = 10_000;
/** After a failure, and never more often. */
const RETRY_MS = 10_000;

export type Access = 'fine' | 'wanted' | 'ended';

export class App implements Surroundings {
  readonly api = new Api();

  view = $state.raw<View>(defaultView('overview'));
  problems = $state.raw<string[]>([]);
  /** The server's clock, once a second. */
  tick = $state(Date.now());
  /** What the range means now. All panels of a page ask for these very two times. */
  interval = $state.raw<Interval>({ from: 0, to: 0 });
  /** Grows when everything is to be asked again. */
  turn = $state(0);

  links = $state.raw<Link[]>([]);
  serviceCategory = $state.raw<ReadonlyMap<string, string>>(new Map());
  health = $state.raw<Health | null>(null);
  healthFailed = $state(false);
  droppedAt = $state.raw<number | null>(null);

  live = $state.raw<LiveUpdate | null>(null);
  liveAt = $state.raw<number | null>(null);
  /** Grows with each word of the live stream that an event began, changed or ended. */
  eventTurn = $state(0);

  /** The theme's colours, for canvases. */
  palette = $state.raw<Palette | null>(null);

  access = $state<Access>('fine');
  /** Who asks; null until it is known. */
  session = $state.raw<Session | null>(null);
  /** A longer name of what the page is about than the address has. */
  subject = $state('');

  /** Beside the state: what is read while a component is taken down is what was before. */
  readonly #open = new Set<Loader<unknown>>();
  #loaders = $state.raw<readonly Loader<unknown>[]>([]);
  #turnedAt = 0;
  #healthAskedAt = 0;
  #listsAskedAt = 0;
  #stopLive = () => {};

  /** Whether this one may save, acknowledge and silence; the API alone decides. */
  mayWrite = $derived(this.session === null || this.session.role === 'operator');
  isLive = $derived(this.liveAt !== null && this.tick - this.liveAt < STALE_MS);
  loading = $derived(this.#loaders.some((loader) => loader.loading));
  failing = $derived(this.#loaders.find((loader) => loader.error !== null)?.error ?? null);
  /** Said once for the page: panels would all say the same. */
  unreachable = $derived(this.#loaders.find((loader) => loader.error?.unreachable)?.error ?? null);
  /** Every panel has its answer, or knows why there is none. */
  settled = $derived(this.#loaders.length > 0 && !this.loading);
  /** Of the oldest answer that is shown. */
  askedAt = $derived(
    this.#loaders.reduce<number | null>(
      (oldest, { at }) => (at === null ? oldest : Math.min(oldest ?? at, at)),
      null,
    ),
  );

  constructor() {
    this.#readUrl();
  }

  /** Starts what goes on by itself; the returned function ends it. */
  start(): () => void {
    const onPop = () => this.#readUrl();
    addEventListener('popstate', onPop);
    const timer = setInterval(() => this.#onTick(), 1000);
    this.#begin();
    return () => {
      removeEventListener('popstate', onPop);
      clearInterval(timer);
      this.#stopLive();
    };
  }

  /** A question of a panel, which ends with its component. */
  loader<T>(): Loader<T> {
    const loader = new Loader<T>(this);
    this.#open.add(loader as Loader<unknown>);
    this.#loaders = [...this.#open];
    onDestroy(() => {
      loader.stop();
      this.#open.delete(loader as Loader<unknown>);
      this.#loaders = [...this.#open];
    });
    return loader;
  }

  now(): number {
    return this.api.now();
  }

  /** A relative address, for links that can be opened in another tab. */
  href(page: Page, change: Partial<View> = {}): string {
    return printView(follow(this.view, page, change));
  }

  go(page: Page, change: Partial<View> = {}): void {
    this.#show(follow(this.view, page, change));
  }

  /** Changes what the page shows, with a way back in the browser's history. */
  change(change: Partial<View>): void {
    this.#show({ ...this.view, ...change });
  }

  setRange(range: Range): void {
    this.change({ range });
  }

  /** Looks, not content: no entry in the browser's history, no new request. */
  setLook(change: Partial<Pick<View, 'theme' | 'zone' | 'language' | 'hidden'>>): void {
    this.view = { ...this.view, ...change };
    this.#setLanguage();
    history.replaceState(null, '', printView(this.view));
  }

  dismissProblems(): void {
    this.problems = [];
  }

  /** Everything again, up to now. */
  refresh(): void {
    this.#turnedAt = Date.now();
    this.interval = resolve(this.view.range, this.api.now());
    this.turn += 1;
  }

  async login(token: string): Promise<void> {
    await this.api.login(token);
    this.access = 'fine';
    this.#begin();
    this.refresh();
  }

  async logout(): Promise<void> {
    await this.api.logout();
    this.session = null;
    this.#stopLive();
    this.access = 'wanted';
  }

  /** Whether the API wants somebody else, or somebody at all. */
  failed(cause: unknown): boolean {
    if (!(cause instanceof ApiError) || cause.status !== 401) return false;
    if (this.access === 'fine') {
      this.access = this.health === null ? 'wanted' : 'ended';
      this.#stopLive();
    }
    return true;
  }

  #begin(): void {
    this.#stopLive();
    this.#stopLive = followLive((signal) => this.api.live(signal), {
      update: (update) => this.#onLive(update),
      event: () => (this.eventTurn += 1),
      reopened: () => {
        void this.#askHealth();
        void this.#askLists();
        this.refresh();
      },
      failed: (cause) => void this.failed(cause),
    });
    void this.#askLists();
    void this.#askSession();
    const assumed = this.api.skew;
    // Its answer also tells the server's time, by which "now" is counted.
    void this.#askHealth().then(() => {
      if (this.api.skew !== assumed) this.refresh();
    });
  }

  #onTick(): void {
    this.tick = this.api.now();
    if (document.hidden || this.access !== 'fine') return;
    if (Date.now() - this.#healthAskedAt >= HEALTH_EVERY_MS) void this.#askHealth();
    const listsMissing = this.links.length === 0 && Date.now() - this.#listsAskedAt >= RETRY_MS;
    if (listsMissing) void this.#askLists();
    const due = this.failing
      ? RETRY_MS
      : endsNow(this.view.range)
        ? refreshSeconds(chooseStep(this.interval)) * 1000
        : Infinity;
    if (!this.loading && Date.now() - this.#turnedAt >= due) this.refresh();
  }

  #onLive(update: LiveUpdate): void {
    this.live = update;
    this.liveAt = this.api.now();
    this.tick = this.liveAt;
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
      this.healthFailed = !this.failed(cause);
    }
  }

  async #askSession(): Promise<void> {
    try {
      this.session = await this.api.session();
    } catch (cause) {
      this.failed(cause); // What is not allowed is refused later on, with its reason.
    }
  }

  async #askLists(): Promise<void> {
    this.#listsAskedAt = Date.now();
    try {
      const [{ links }, { services }] = await Promise.all([this.api.links(), this.api.services()]);
      this.links = links;
      this.serviceCategory = new Map(services.map(({ name, category }) => [name, category]));
    } catch (cause) {
      this.failed(cause); // The pages do without; their own requests tell the user.
    }
  }

  #show(view: View): void {
    const address = printView(view);
    const same = address === printView(this.view);
    this.problems = [];
    if (view.page !== this.view.page || view.name !== this.view.name) this.subject = '';
    this.view = view;
    if (!same) history.pushState(null, '', address);
    this.interval = resolve(view.range, this.api.now());
    this.#turnedAt = Date.now();
  }

  #readUrl(): void {
    const { view, problems } = parseView(location.pathname, location.search, this.api.now());
    this.view = view;
    this.problems = problems;
    this.#setLanguage();
    this.interval = resolve(view.range, this.api.now());
  }

  #setLanguage(): void {
    const language =
      this.view.language ?? rememberedLanguage() ?? preferred(navigator.languages ?? []);
    setLanguage(language);
    document.documentElement.lang = language;
  }
}
