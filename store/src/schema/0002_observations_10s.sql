-- Each link's interval as a whole. A row says "this link was watched": without one there is no data, with
-- one and no volumes there was no traffic.
--
-- `batches` counts the batches that were added up. It is never 0, for SummingMergeTree removes rows whose
-- sums are all 0: a silent link would turn into a link that was not watched.
-- Keys, expiry and deduplication as in volumes_10s.
CREATE TABLE IF NOT EXISTS observations_10s
(
    time           DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link           LowCardinality(String) CODEC(ZSTD(1)),
    probe          LowCardinality(String) CODEC(ZSTD(1)),
    batches        UInt64 CODEC(T64, ZSTD(1)),
    packets        UInt64 CODEC(T64, ZSTD(1)),
    octets         UInt64 CODEC(T64, ZSTD(1)),
    active_flows   UInt64 CODEC(T64, ZSTD(1)),
    dropped_kernel UInt64 CODEC(T64, ZSTD(1)),
    late           UInt64 CODEC(T64, ZSTD(1)),
    table_full     UInt64 CODEC(T64, ZSTD(1)),
    written        DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((batches, packets, octets, active_flows, dropped_kernel, late, table_full))
PARTITION BY toMonday(time)
ORDER BY (time, link, probe)
TTL written + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
