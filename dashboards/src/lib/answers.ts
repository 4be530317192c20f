/** What the API answers, /api/v1, as types. Names as it has them. */

import type { Count } from './units';

export interface Link {
  name: string;
  kind: string | null;
  capacity_bps: number | null;
  neighbour_asn: number | null;
  description: string | null;
  /** The out:in ratio that was agreed with the neighbour, where one was. */
  ratio_policy?: number | null;
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

/** Of exact bins, zeros counted; never of the points that are drawn. */
export interface Statistics {
  bin_seconds: number;
  bins: number;
  min_bps: number | null;
  max_bps: number | null;
  mean_bps: number | null;
  last_bps: number | null;
  p95_bps: number | null;
}

/** One class over time. Null where the bucket was not observed: unknown, not zero. */
export interface Series {
  group: Group;
  octets: (Count | null)[];
  packets: (Count | null)[];
  flows: (Count | null)[];
  total: Volume;
  statistics?: Statistics | null;
}

export interface Buckets {
  from: string;
  to: string;
  buckets: string[];
  observed: boolean[];
  series: Series[];
}

export interface Volumes extends Buckets {
  step_seconds: number;
  groups?: number;
  previous?: Buckets | null;
}

export interface Totals {
  from: string;
  to: string;
  rows: (Volume & { group: Group; previous?: Volume | null })[];
  total: Volume;
  groups?: number;
  previous_total?: Volume | null;
}

export interface Statements {
  statements: { purpose: string; sql: string; parameters: Record<string, unknown> }[];
}

export interface Dropped {
  kernel: Count;
  interface: Count;
  queue: Count;
  table_full: Count;
}

export interface Spool {
  octets: Count;
  max_octets: Count;
  records: number;
  rows: Count;
  oldest_seconds: number | null;
  merged_rows: Count;
  dropped_rows: Count;
  corrupt_segments: number;
  refused_groups: number;
  refused_rows: Count;
  error: string | null;
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
    unprobed_flows?: Count;
    sampled_packets?: Count;
    dropped: Dropped;
  };
  flows: { active: number; capacity: number; started: Count };
  knowledge?: { names: number; peers: number; evicted: Count };
  store: {
    kind: string;
    version: string | null;
    queued_rows: number;
    written_rows: Count;
    failed_inserts: Count;
    dropped_rows: Count;
    /** Null while the database does not answer. */
    disk_octets?: Count | null;
    disk_rows?: Count | null;
    last_error: string | null;
    last_interval: string | null;
    lag_seconds: number | null;
    spool?: Spool | null;
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

export interface Session {
  required: boolean;
  authenticated: boolean;
  name: string | null;
  role: 'viewer' | 'operator' | null;
  via: string | null;
}

type Rates = (number | null)[];

export interface OverviewLink {
  name: string;
  kind: string | null;
  capacity_bps: number | null;
  in_bps: number | null;
  out_bps: number | null;
  last_week_in_bps: number | null;
  last_week_out_bps: number | null;
  ratio: number | null;
  utilisation: number | null;
  p95_in_bps: number | null;
  p95_out_bps: number | null;
  p95_bps: number | null;
  headroom_bps: number | null;
  commit_bps: number | null;
  sparkline: { from: string; step_seconds: number; in_bps: Rates; out_bps: Rates };
}

export interface OverviewNow {
  at: string;
  bin_seconds: number;
  now: { time: string; in_bps: number | null; out_bps: number | null } | null;
  last_week: { time: string; in_bps: number | null; out_bps: number | null } | null;
  change: { in: number | null; out: number | null } | null;
  month: string;
  links: OverviewLink[];
}

export interface Heatmap {
  from: string;
  to: string;
  zone: string;
  in: { mean_bps: Rates[]; max_bps: Rates[] };
  out: { mean_bps: Rates[]; max_bps: Rates[] };
}

export interface SankeyNode {
  dimension: string;
  value: string;
  name: string;
  octets: Count;
}

export interface Sankey {
  from: string;
  to: string;
  path: string[];
  nodes: SankeyNode[];
  flows: { source: number; target: number; octets: Count }[];
  total: Volume;
}

export interface RoundTrips {
  from: string;
  to: string;
  step_seconds: number;
  buckets: string[];
  p50_us: Rates;
  p95_us: Rates;
  p99_us: Rates;
  samples: Count[];
  histogram?: { edges_us: number[]; counts: number[][] } | null;
}

/** A service or a network: where it comes in, and how much of everything it is. */
export interface Profile {
  name: string | null;
  asn?: number;
  category?: string | null;
  from: string;
  to: string;
  in: { octets: Count; share: number | null };
  out: { octets: Count; share: number | null };
  links: {
    link: string;
    in_octets: Count;
    out_octets: Count;
    in_share: number | null;
    out_share: number | null;
  }[];
  of_links: { link: string; in_share: number | null; out_share: number | null }[];
  categories?: { name: string; octets: Count }[];
  protocols?: { name: string; octets: Count }[];
  previous?: { from: string; to: string; in_octets: Count; out_octets: Count } | null;
}

export interface Side {
  p95_bps: number;
  peak_bps: number;
  peak_at: string;
  mean_bps: number;
  octets: Count;
  p95_utilisation: number | null;
  change: { mean: number; p95: number; watched: number } | null;
}

export interface Bill {
  billed_by: string;
  billed_bps: number;
  commit_bps: number;
  burst_bps: number;
  commit_amount: number;
  burst_amount: number;
  amount: number;
  currency: string;
}

export interface Report {
  link: string;
  month: string;
  from: string;
  to: string;
  ended: boolean;
  coverage: { expected_bins: number; watched_bins: number; missing_bins: number };
  in: Side;
  out: Side;
  p95_max_bps: number;
  p95_sum_bps: number;
  bill: Bill | null;
}

export interface Crossing {
  state: 'no-threshold' | 'unknown' | 'crossed' | 'no-trend' | 'not-within' | 'expected';
  threshold_bps?: number;
  days?: number;
  day?: string;
  earliest?: string;
  latest?: string | null;
}

export interface Trend {
  per_year: number;
  low: number;
  high: number;
  significant: boolean;
}

export interface DayForecast {
  day: string;
  expected_bps: number;
  low_bps: number;
  high_bps: number;
}

export interface MonthForecast {
  month: string;
  p95_bps: number;
  low_bps: number;
  high_bps: number;
}

export interface SideForecast {
  outcome: 'trend' | 'no-trend' | 'too-little-history' | 'no-traffic';
  history_days: number;
  trend: Trend | null;
  crossing: Crossing;
  days: DayForecast[];
  months: MonthForecast[];
}

export interface Forecast {
  link: string;
  capacity_bps: number | null;
  in: SideForecast;
  out: SideForecast;
}

export interface CapacityLink {
  name: string;
  kind: string | null;
  capacity_bps: number | null;
  commit_bps: number | null;
  p95_bps: number | null;
  p95_in_bps: number | null;
  p95_out_bps: number | null;
  p95_of_commit: number | null;
  p95_of_capacity: number | null;
  bill: Bill | null;
  months: { month: string; p95_bps: number | null; peak_bps: number | null; watched: number }[];
  crossing_in: Crossing | null;
  crossing_out: Crossing | null;
  runout: string | null;
  trend_in: Trend | null;
  trend_out: Trend | null;
}

export interface Capacity {
  complete: boolean;
  pending: string[];
  threshold: number;
  months: string[];
  links: CapacityLink[];
}

export interface System {
  health: Health;
  probes: {
    probe: string;
    last_interval: string | null;
    seconds_since: number | null;
    packets: Count;
    octets: Count;
    dropped_kernel: Count;
    late: Count;
    table_full: Count;
    unprobed_flows: Count;
    sampled_packets: Count;
  }[];
  drops: {
    step_seconds: number;
    buckets: string[];
    packets: (Count | null)[];
    dropped_kernel: (Count | null)[];
    late: (Count | null)[];
    table_full: (Count | null)[];
    unprobed_flows: (Count | null)[];
    sampled_packets: (Count | null)[];
  };
  tables:
    | { table: string; rows: Count; octets: Count; oldest: string | null; newest: string | null }[]
    | null;
  streams: { open: number; limit: number };
  sessions: number;
}

export interface EventSummary {
  id: string;
  kind: string;
  severity: string;
  state: 'open' | 'ended';
  sign: 'drop' | 'surge';
  direction: string;
  onset: string;
  confirmed: string | null;
  ended: string | null;
  trough: string | null;
  depth_percent: number;
  lost_octets: Count;
  subject: string;
  links: string[];
  categories: string[];
  top: { name: string; share: number } | null;
  acknowledged: { by: string; at: string } | null;
  silenced_until: string | null;
}

export interface Part {
  name: string;
  octets: number;
  share: number;
  depth_percent: number;
}

export interface LedgerRow {
  kind: string;
  name: string;
  octets: number;
  bits_per_second: number;
  usual_deviation: number;
  score: number | null;
  share: number;
}

export interface EventNote {
  action: string;
  text: string;
  until: string | null;
  by: string;
  at: string;
}

export interface AlertRecord {
  route: string;
  receiver: string;
  transition: string;
  at: string;
  outcome: string;
  error: string;
}

export interface EventMember {
  of: string;
  direction: string;
  sign: 'drop' | 'surge';
  onset: string;
  confirmed: string;
  ended: string | null;
  accepted: boolean;
  trough: string;
  depth_percent: number;
  lost_octets: number;
}

export interface EventDetail extends EventSummary {
  basis: string;
  main: string;
  recover_50_seconds: number | null;
  recover_90_seconds: number | null;
  members: EventMember[];
  attribution: {
    categories: Part[];
    services: Part[];
    networks: Part[];
    links: Part[];
    expected_octets: number;
    measured_octets: number;
    lost_octets: number;
  };
  ledger: LedgerRow[];
  unexplained: { octets: number; share: number };
  explained_seconds: number;
  notes: EventNote[];
  alerts: AlertRecord[];
  blind: { link: string; from: string; until: string | null }[];
}

/** A series against what it should hold. */
export interface Expected {
  of: string;
  direction: string;
  step: number;
  times: string[];
  values: Rates;
  baseline: Rates;
  low: Rates;
  high: Rates;
}

export interface Completion {
  text: string;
  kind: string;
  detail: string | null;
}

export interface Completions {
  text: string;
  valid: boolean;
  canonical: string | null;
  errors: { offset: number; length: number; message: string; expected: string[] }[];
  completions: {
    from: number;
    to: number;
    items: Completion[];
    /** There are others, which this answer leaves out. */
    more: boolean;
  };
}

export interface SavedView {
  id: string;
  name: string;
  url: string;
  by: string | null;
  at: string;
}
