-- What was told to whom of events, and how that went. Only ever added to; a year of it is kept.
CREATE TABLE IF NOT EXISTS {table}
(
    event       String CODEC(ZSTD(1)),
    fingerprint String CODEC(ZSTD(1)),
    route       LowCardinality(String),
    receiver    LowCardinality(String),
    transition  LowCardinality(String),
    at          DateTime64(3, 'UTC'),
    outcome     LowCardinality(String),
    error       String CODEC(ZSTD(1))
)
ENGINE = {plain}
PARTITION BY toYYYYMM(at)
ORDER BY (event, at)
TTL toDateTime(at) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1
