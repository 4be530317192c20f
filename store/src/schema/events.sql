-- What was found: drops and surges. One row a state of an event; the one with the highest version counts.
--
-- The columns are what lists are filtered by and sorted by; the document, as JSON, is all that is known.
-- Events are few, some a week: they have no partitions, and are kept for ever.
CREATE TABLE IF NOT EXISTS {table}
(
    id          String CODEC(ZSTD(1)),
    version     UInt64,
    probe       LowCardinality(String),
    state       LowCardinality(String),
    kind        LowCardinality(String),
    severity    LowCardinality(String),
    sign        LowCardinality(String),
    direction   LowCardinality(String),
    onset       DateTime('UTC'),
    confirmed   DateTime('UTC'),
    ended       Nullable(DateTime('UTC')),
    trough      DateTime('UTC'),
    depth       Float64,
    lost_octets Float64,
    subject     String CODEC(ZSTD(1)),
    links       Array(String),
    categories  Array(String),
    top_name    String,
    top_share   Float64,
    document    String CODEC(ZSTD(3)),
    written     DateTime('UTC') DEFAULT now()
)
ENGINE = {replacing(version)}
ORDER BY id
