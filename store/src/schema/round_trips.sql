-- TCP handshake round-trip times as histogram bins: a bin's upper bound in microseconds and its samples.
-- Percentiles of any range, link or category come from added-up bins; percentiles are never averaged.
-- Order, expiry and deduplication as in volumes.
CREATE TABLE IF NOT EXISTS {table}
(
    time     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link     LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    bin_us   UInt32 CODEC(T64, ZSTD(1)),
    probe    LowCardinality(String) CODEC(ZSTD(1)),
    samples  UInt64 CODEC(T64, ZSTD(1)),
    written  DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = {engine(samples)}
PARTITION BY {partition}
PRIMARY KEY ({block}, link, category)
ORDER BY ({block}, link, category, time, bin_us, probe)
{ttl}
SETTINGS {settings}
;
CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {table} AS
SELECT {bucket} AS time, s.link AS link, s.category AS category, s.bin_us AS bin_us, s.probe AS probe,
    sum(s.samples) AS samples, max(s.written) AS written
FROM {source} AS s
GROUP BY time, link, category, bin_us, probe
