-- Volumes by remote network: the autonomous system's number, 0 where it is not known, 4294967295 for what is
-- added up as `other` beyond an interval's largest. Protocol and service are left out: by them, and by
-- 500 networks, rows would be a hundred times as many.
-- Order, expiry and deduplication as in volumes.
CREATE TABLE IF NOT EXISTS {table}
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    asn       UInt32 CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = {engine(octets, packets, flows)}
PARTITION BY {partition}
PRIMARY KEY ({block}, link, direction, category, asn)
ORDER BY ({block}, link, direction, category, asn, time)
{ttl}
SETTINGS {settings}
;
CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {table} AS
SELECT {bucket} AS time, s.link AS link, s.direction AS direction, s.category AS category, s.asn AS asn,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM {source} AS s
GROUP BY time, link, direction, category, asn
