-- TCP handshake round-trip times as histogram bins: a bin's upper bound in microseconds and its samples.
-- Percentiles of any range, link or category come from added-up bins; percentiles are never averaged.
-- Keys, expiry and deduplication as in volumes_10s.
CREATE TABLE IF NOT EXISTS round_trips_10s
(
    time     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link     LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    bin_us   UInt32 CODEC(T64, ZSTD(1)),
    probe    LowCardinality(String) CODEC(ZSTD(1)),
    samples  UInt64 CODEC(T64, ZSTD(1)),
    written  DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((samples))
PARTITION BY toMonday(time)
PRIMARY KEY (time, link, category)
ORDER BY (time, link, category, bin_us, probe)
TTL written + INTERVAL 400 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
