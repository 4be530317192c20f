-- What people said of events: acknowledged, commented, silenced until a moment. Only ever added to.
CREATE TABLE IF NOT EXISTS {table}
(
    event   String CODEC(ZSTD(1)),
    at      DateTime64(3, 'UTC'),
    who     String CODEC(ZSTD(1)),
    action  LowCardinality(String),
    text    String CODEC(ZSTD(1)),
    until   Nullable(DateTime('UTC'))
)
ENGINE = {plain}
ORDER BY (event, at)
