-- Octets, packets and new flows by interval, link, direction, class and probe: the rows that every other
-- table of volumes is added up from.
--
-- SummingMergeTree: several workers and probes count the same interval, their rows add up; a reader must
-- still use sum(), as rows are added up only when parts are merged.
-- Every tier has every dimension. The probe stays in the coarse ones too: a link has one probe, rarely two, so
-- that it adds no rows, and as a column it takes nothing.
-- Order: a block of time (an hour at 10 s … a year at 1 d), within it each class's values one after the
-- other. The block cuts off what is outside the queried range, the link cuts off the other links, and a
-- column of one class's values in a row compresses best. docs/store.md has the measurements.
CREATE TABLE IF NOT EXISTS {table}
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
ENGINE = {engine(octets, packets, flows)}
PARTITION BY {partition}
PRIMARY KEY ({block}, link, direction, category, protocol, service)
ORDER BY ({block}, link, direction, category, protocol, service, probe, time)
{ttl}
SETTINGS {settings}
;
CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {table} AS
SELECT {bucket} AS time, s.link AS link, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service, s.probe AS probe,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM {source} AS s
GROUP BY time, link, direction, category, protocol, service, probe
