-- Each link's interval as a whole. A row says "this link was watched": without one there is no data, with
-- one and no volumes there was no traffic.
--
-- `batches` counts the batches that were added up. It is never 0, for SummingMergeTree removes rows whose
-- sums are all 0: a silent link would turn into a link that was not watched. It is also how a query finds
-- out whether a fine tier still holds, or ever held, all that a coarser one does.
-- `active_flows` adds up over intervals of 10 s too: divided by their number it is the mean.
-- Expiry and deduplication as in volumes.
CREATE TABLE IF NOT EXISTS {table}
(
    time              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link              LowCardinality(String) CODEC(ZSTD(1)),
    probe             LowCardinality(String) CODEC(ZSTD(1)),
    batches           UInt64 CODEC(T64, ZSTD(1)),
    packets           UInt64 CODEC(T64, ZSTD(1)),
    octets            UInt64 CODEC(T64, ZSTD(1)),
    active_flows      UInt64 CODEC(T64, ZSTD(1)),
    dropped_kernel    UInt64 CODEC(T64, ZSTD(1)),
    late              UInt64 CODEC(T64, ZSTD(1)),
    table_full        UInt64 CODEC(T64, ZSTD(1)),
    unprobed_flows    UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    sampled_packets   UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    half_open_evicted UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    written           DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = {engine(batches, packets, octets, active_flows, dropped_kernel, late, table_full, unprobed_flows, sampled_packets, half_open_evicted)}
PARTITION BY {partition}
ORDER BY (time, link, probe)
{ttl}
SETTINGS {settings}
;
CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {table} AS
SELECT {bucket} AS time, s.link AS link, s.probe AS probe, sum(s.batches) AS batches,
    sum(s.packets) AS packets, sum(s.octets) AS octets, sum(s.active_flows) AS active_flows,
    sum(s.dropped_kernel) AS dropped_kernel, sum(s.late) AS late, sum(s.table_full) AS table_full,
    sum(s.unprobed_flows) AS unprobed_flows, sum(s.sampled_packets) AS sampled_packets,
    sum(s.half_open_evicted) AS half_open_evicted, max(s.written) AS written
FROM {source} AS s
GROUP BY time, link, probe
