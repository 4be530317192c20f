/** What the API answers, /api/v1: names that the pages use for the types of its OpenAPI document (see schema.d.ts). */

import type { components } from './schema';

type S = components['schemas'];

export type Group = S['Series']['group'];
export type Volume = S['Sums'];
export type Statistics = S['SeriesStatistics'];
export type Series = S['Series'];
export type Buckets = S['Period'];
export type Volumes = S['Volumes'];
export type Totals = S['Totals'];
export type Statements = S['Statements'];

export type Link = S['LinkInfo'];
export type Service = S['ServiceInfo'];
export type Dropped = S['Dropped'];
export type Spool = S['SpoolHealth'];
export type Health = S['Health'];
export type System = S['System'];
export type Session = S['Who'];
export type SavedView = S['View'];

export type LiveLink = S['LinkRates'];
export type LiveUpdate = S['LiveEvent'];
export type OverviewLink = S['LinkRow'];
export type OverviewNow = S['Overview'];
export type Heatmap = S['WeekHours'];
export type SankeyNode = S['Node'];
export type Sankey = S['Sankey'];
export type RoundTrips = S['RoundTrips'];
export type Profile = S['Profile'];

export type Side = S['DirectionReport'];
export type Bill = S['Bill'];
export type Report = S['Report'];
export type Crossing = S['Crossing'];
export type Trend = S['Trend'];
export type DayForecast = S['DayForecast'];
export type MonthForecast = S['MonthForecast'];
export type SideForecast = S['Forecast'];
export type Forecast = S['LinkForecast'];
export type CapacityLink = S['LinkCapacity'];
export type Capacity = S['Capacity'];

export type EventSummary = S['EventSummary'];
export type EventDetail = S['EventDetail'];
export type EventMember = S['EventMember'];
export type EventNote = S['Note'];
export type AlertRecord = S['Alert'];
export type Part = S['Part'];
export type LedgerRow = S['LedgerEntry'];
export type Expected = S['Expected'];

export type Completion = S['Item'];
export type Completions = S['Typed'];
