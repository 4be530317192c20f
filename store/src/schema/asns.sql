-- Volumes by remote network over all links: who the traffic is with, as a whole. As many rows an interval as
-- networks and their categories, however many links they are seen on.
-- Order, expiry and deduplication as in volumes.
CREATE TABLE IF NOT EXISTS {table}
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
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
PRIMARY KEY ({block}, direction, category, asn)
ORDER BY ({block}, direction, category, asn, time)
{ttl}
SETTINGS {settings}
;
CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {table} AS
SELECT s.time AS time, s.direction AS direction, s.category AS category, s.asn AS asn,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM {source} AS s
GROUP BY time, direction, category, asn
