-- Volumes by link, direction and category: what the links' table, a link's chart and its bill are drawn
-- from. A quarter of the rows of volumes at 60 classes, less where services are many.
-- Order, expiry and deduplication as in volumes.
CREATE TABLE IF NOT EXISTS {table}
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = {engine(octets, packets, flows)}
PARTITION BY {partition}
PRIMARY KEY ({block}, link, direction, category)
ORDER BY ({block}, link, direction, category, time)
{ttl}
SETTINGS {settings}
;
CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {table} AS
SELECT s.time AS time, s.link AS link, s.direction AS direction, s.category AS category,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM {source} AS s
GROUP BY time, link, direction, category
