-- Octets, packets and new flows per interval of 10 seconds and class: what every chart is drawn from.
--
-- SummingMergeTree: several workers and probes count the same interval, their rows add up; a reader
-- must still use sum(), as rows are added up only when parts are merged.
-- Time first: every query has a time range; then what is filtered and grouped by most. The sorting key
-- cannot be changed later, so it holds every dimension there is. The primary key, which stays in memory,
-- is its prefix.
-- A part holds a week: a month is two to five parts to read, and expiry drops whole parts.
-- `written`, not `time`, decides about expiry: a replayed capture of 2012 is kept as long as live traffic.
-- 400 days: a year to compare with. 10 links of 200 classes each are about 140 MB a day.
CREATE TABLE IF NOT EXISTS volumes_10s
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    protocol  LowCardinality(String) CODEC(ZSTD(1)),
    service   LowCardinality(String) CODEC(ZSTD(1)),
    probe     LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toMonday(time)
PRIMARY KEY (time, link, direction, category)
ORDER BY (time, link, direction, category, protocol, service, probe)
TTL written + INTERVAL 400 DAY
-- The window is what makes a repeated insert of the same block harmless. 10,000 blocks are an hour of three
-- probes that write once a second: as long as one of them may be cut off and then repeat its last block.
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000
