-- Volumes by link and direction: what links' charts over time are drawn from, and which link carried most. A
-- sixteenth of the rows of links where all categories are seen: a month of a hundred links at six hours is
-- added up from 144 thousand hourly rows instead of 2.3 million.
-- Order, expiry and deduplication as in volumes.
CREATE TABLE IF NOT EXISTS {table}
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = {engine(octets, packets, flows)}
PARTITION BY {partition}
PRIMARY KEY ({block}, link, direction)
ORDER BY ({block}, link, direction, time)
{ttl}
SETTINGS {settings}
;
CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {table} AS
SELECT s.time AS time, s.link AS link, s.direction AS direction,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM {source} AS s
GROUP BY time, link, direction
