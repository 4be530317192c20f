CREATE DATABASE IF NOT EXISTS `etiage`;

USE `etiage`;

CREATE TABLE IF NOT EXISTS schema_migrations
(
    version  UInt32,
    name     String,
    checksum String,
    applied  DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY version;

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
PARTITION BY toDate(time)
PRIMARY KEY (toStartOfHour(time), link, direction, category, protocol, service)
ORDER BY (toStartOfHour(time), link, direction, category, protocol, service, probe, time)
TTL written + toIntervalHour(72)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS volumes_1m
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
PRIMARY KEY (toStartOfInterval(time, toIntervalHour(6)), link, direction, category, protocol, service)
ORDER BY (toStartOfInterval(time, toIntervalHour(6)), link, direction, category, protocol, service, probe, time)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS volumes_1m_view TO volumes_1m AS
SELECT toStartOfMinute(s.time) AS time, s.link AS link, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service, s.probe AS probe,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_10s AS s
GROUP BY time, link, direction, category, protocol, service, probe;

CREATE TABLE IF NOT EXISTS volumes_5m
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
PARTITION BY toYYYYMM(time)
PRIMARY KEY (toDate(time), link, direction, category, protocol, service)
ORDER BY (toDate(time), link, direction, category, protocol, service, probe, time)
TTL written + toIntervalHour(9600)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS volumes_5m_view TO volumes_5m AS
SELECT toStartOfFiveMinutes(s.time) AS time, s.link AS link, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service, s.probe AS probe,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1m AS s
GROUP BY time, link, direction, category, protocol, service, probe;

CREATE TABLE IF NOT EXISTS volumes_1h
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
PARTITION BY toStartOfQuarter(time)
PRIMARY KEY (toMonday(time), link, direction, category, protocol, service)
ORDER BY (toMonday(time), link, direction, category, protocol, service, probe, time)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS volumes_1h_view TO volumes_1h AS
SELECT toStartOfHour(s.time) AS time, s.link AS link, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service, s.probe AS probe,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_5m AS s
GROUP BY time, link, direction, category, protocol, service, probe;

CREATE TABLE IF NOT EXISTS volumes_1d
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
PARTITION BY toYear(time)
PRIMARY KEY (toYear(time), link, direction, category, protocol, service)
ORDER BY (toYear(time), link, direction, category, protocol, service, probe, time)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS volumes_1d_view TO volumes_1d AS
SELECT toStartOfDay(s.time) AS time, s.link AS link, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service, s.probe AS probe,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1h AS s
GROUP BY time, link, direction, category, protocol, service, probe;

CREATE TABLE IF NOT EXISTS links_10s
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toDate(time)
PRIMARY KEY (toStartOfHour(time), link, direction, category)
ORDER BY (toStartOfHour(time), link, direction, category, time)
TTL written + toIntervalHour(72)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS links_10s_view TO links_10s AS
SELECT s.time AS time, s.link AS link, s.direction AS direction, s.category AS category,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_10s AS s
GROUP BY time, link, direction, category;

CREATE TABLE IF NOT EXISTS links_1m
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toMonday(time)
PRIMARY KEY (toStartOfInterval(time, toIntervalHour(6)), link, direction, category)
ORDER BY (toStartOfInterval(time, toIntervalHour(6)), link, direction, category, time)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS links_1m_view TO links_1m AS
SELECT s.time AS time, s.link AS link, s.direction AS direction, s.category AS category,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1m AS s
GROUP BY time, link, direction, category;

CREATE TABLE IF NOT EXISTS links_5m
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYYYYMM(time)
PRIMARY KEY (toDate(time), link, direction, category)
ORDER BY (toDate(time), link, direction, category, time)
TTL written + toIntervalHour(9600)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS links_5m_view TO links_5m AS
SELECT s.time AS time, s.link AS link, s.direction AS direction, s.category AS category,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_5m AS s
GROUP BY time, link, direction, category;

CREATE TABLE IF NOT EXISTS links_1h
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toStartOfQuarter(time)
PRIMARY KEY (toMonday(time), link, direction, category)
ORDER BY (toMonday(time), link, direction, category, time)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS links_1h_view TO links_1h AS
SELECT s.time AS time, s.link AS link, s.direction AS direction, s.category AS category,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1h AS s
GROUP BY time, link, direction, category;

CREATE TABLE IF NOT EXISTS links_1d
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYear(time)
PRIMARY KEY (toYear(time), link, direction, category)
ORDER BY (toYear(time), link, direction, category, time)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS links_1d_view TO links_1d AS
SELECT s.time AS time, s.link AS link, s.direction AS direction, s.category AS category,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1d AS s
GROUP BY time, link, direction, category;

CREATE TABLE IF NOT EXISTS loads_10s
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toDate(time)
PRIMARY KEY (toStartOfHour(time), link, direction)
ORDER BY (toStartOfHour(time), link, direction, time)
TTL written + toIntervalHour(72)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS loads_10s_view TO loads_10s AS
SELECT s.time AS time, s.link AS link, s.direction AS direction,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM links_10s AS s
GROUP BY time, link, direction;

CREATE TABLE IF NOT EXISTS loads_1m
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toMonday(time)
PRIMARY KEY (toStartOfInterval(time, toIntervalHour(6)), link, direction)
ORDER BY (toStartOfInterval(time, toIntervalHour(6)), link, direction, time)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS loads_1m_view TO loads_1m AS
SELECT s.time AS time, s.link AS link, s.direction AS direction,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM links_1m AS s
GROUP BY time, link, direction;

CREATE TABLE IF NOT EXISTS loads_5m
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYYYYMM(time)
PRIMARY KEY (toDate(time), link, direction)
ORDER BY (toDate(time), link, direction, time)
TTL written + toIntervalHour(9600)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS loads_5m_view TO loads_5m AS
SELECT s.time AS time, s.link AS link, s.direction AS direction,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM links_5m AS s
GROUP BY time, link, direction;

CREATE TABLE IF NOT EXISTS loads_1h
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toStartOfQuarter(time)
PRIMARY KEY (toMonday(time), link, direction)
ORDER BY (toMonday(time), link, direction, time)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS loads_1h_view TO loads_1h AS
SELECT s.time AS time, s.link AS link, s.direction AS direction,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM links_1h AS s
GROUP BY time, link, direction;

CREATE TABLE IF NOT EXISTS loads_1d
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link      LowCardinality(String) CODEC(ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYear(time)
PRIMARY KEY (toYear(time), link, direction)
ORDER BY (toYear(time), link, direction, time)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS loads_1d_view TO loads_1d AS
SELECT s.time AS time, s.link AS link, s.direction AS direction,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM links_1d AS s
GROUP BY time, link, direction;

CREATE TABLE IF NOT EXISTS classes_10s
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    protocol  LowCardinality(String) CODEC(ZSTD(1)),
    service   LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toDate(time)
PRIMARY KEY (toStartOfHour(time), direction, category, protocol, service)
ORDER BY (toStartOfHour(time), direction, category, protocol, service, time)
TTL written + toIntervalHour(72)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS classes_10s_view TO classes_10s AS
SELECT s.time AS time, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_10s AS s
GROUP BY time, direction, category, protocol, service;

CREATE TABLE IF NOT EXISTS classes_1m
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    protocol  LowCardinality(String) CODEC(ZSTD(1)),
    service   LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toMonday(time)
PRIMARY KEY (toStartOfInterval(time, toIntervalHour(6)), direction, category, protocol, service)
ORDER BY (toStartOfInterval(time, toIntervalHour(6)), direction, category, protocol, service, time)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS classes_1m_view TO classes_1m AS
SELECT s.time AS time, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1m AS s
GROUP BY time, direction, category, protocol, service;

CREATE TABLE IF NOT EXISTS classes_5m
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    protocol  LowCardinality(String) CODEC(ZSTD(1)),
    service   LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYYYYMM(time)
PRIMARY KEY (toDate(time), direction, category, protocol, service)
ORDER BY (toDate(time), direction, category, protocol, service, time)
TTL written + toIntervalHour(9600)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS classes_5m_view TO classes_5m AS
SELECT s.time AS time, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_5m AS s
GROUP BY time, direction, category, protocol, service;

CREATE TABLE IF NOT EXISTS classes_1h
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    protocol  LowCardinality(String) CODEC(ZSTD(1)),
    service   LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toStartOfQuarter(time)
PRIMARY KEY (toMonday(time), direction, category, protocol, service)
ORDER BY (toMonday(time), direction, category, protocol, service, time)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS classes_1h_view TO classes_1h AS
SELECT s.time AS time, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1h AS s
GROUP BY time, direction, category, protocol, service;

CREATE TABLE IF NOT EXISTS classes_1d
(
    time      DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    direction LowCardinality(String) CODEC(ZSTD(1)),
    category  LowCardinality(String) CODEC(ZSTD(1)),
    protocol  LowCardinality(String) CODEC(ZSTD(1)),
    service   LowCardinality(String) CODEC(ZSTD(1)),
    octets    UInt64 CODEC(T64, ZSTD(1)),
    packets   UInt64 CODEC(T64, ZSTD(1)),
    flows     UInt64 CODEC(T64, ZSTD(1)),
    written   DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYear(time)
PRIMARY KEY (toYear(time), direction, category, protocol, service)
ORDER BY (toYear(time), direction, category, protocol, service, time)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS classes_1d_view TO classes_1d AS
SELECT s.time AS time, s.direction AS direction, s.category AS category,
    s.protocol AS protocol, s.service AS service,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM volumes_1d AS s
GROUP BY time, direction, category, protocol, service;

CREATE TABLE IF NOT EXISTS networks_1m
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toMonday(time)
PRIMARY KEY (toStartOfInterval(time, toIntervalHour(6)), link, direction, category, asn)
ORDER BY (toStartOfInterval(time, toIntervalHour(6)), link, direction, category, asn, time)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS networks_1h
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toStartOfQuarter(time)
PRIMARY KEY (toMonday(time), link, direction, category, asn)
ORDER BY (toMonday(time), link, direction, category, asn, time)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS networks_1h_view TO networks_1h AS
SELECT toStartOfHour(s.time) AS time, s.link AS link, s.direction AS direction, s.category AS category, s.asn AS asn,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM networks_1m AS s
GROUP BY time, link, direction, category, asn;

CREATE TABLE IF NOT EXISTS networks_1d
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYear(time)
PRIMARY KEY (toYear(time), link, direction, category, asn)
ORDER BY (toYear(time), link, direction, category, asn, time)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS networks_1d_view TO networks_1d AS
SELECT toStartOfDay(s.time) AS time, s.link AS link, s.direction AS direction, s.category AS category, s.asn AS asn,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM networks_1h AS s
GROUP BY time, link, direction, category, asn;

CREATE TABLE IF NOT EXISTS asns_1m
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toMonday(time)
PRIMARY KEY (toStartOfInterval(time, toIntervalHour(6)), direction, category, asn)
ORDER BY (toStartOfInterval(time, toIntervalHour(6)), direction, category, asn, time)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS asns_1m_view TO asns_1m AS
SELECT s.time AS time, s.direction AS direction, s.category AS category, s.asn AS asn,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM networks_1m AS s
GROUP BY time, direction, category, asn;

CREATE TABLE IF NOT EXISTS asns_1h
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toStartOfQuarter(time)
PRIMARY KEY (toMonday(time), direction, category, asn)
ORDER BY (toMonday(time), direction, category, asn, time)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS asns_1h_view TO asns_1h AS
SELECT s.time AS time, s.direction AS direction, s.category AS category, s.asn AS asn,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM networks_1h AS s
GROUP BY time, direction, category, asn;

CREATE TABLE IF NOT EXISTS asns_1d
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
ENGINE = SummingMergeTree((octets, packets, flows))
PARTITION BY toYear(time)
PRIMARY KEY (toYear(time), direction, category, asn)
ORDER BY (toYear(time), direction, category, asn, time)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS asns_1d_view TO asns_1d AS
SELECT s.time AS time, s.direction AS direction, s.category AS category, s.asn AS asn,
    sum(s.octets) AS octets, sum(s.packets) AS packets, sum(s.flows) AS flows, max(s.written) AS written
FROM networks_1d AS s
GROUP BY time, direction, category, asn;

CREATE TABLE IF NOT EXISTS observations_10s
(
    time              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link              LowCardinality(String) CODEC(ZSTD(1)),
    probe             LowCardinality(String) CODEC(ZSTD(1)),
    batches           UInt64 CODEC(T64, ZSTD(1)),
    packets           UInt64 CODEC(T64, ZSTD(1)),
    octets            UInt64 CODEC(T64, ZSTD(1)),
    active_flows      UInt64 CODEC(T64, ZSTD(1)),
    dropped_kernel    UInt64 CODEC(T64, ZSTD(1)),
    late              UInt64 CODEC(T64, ZSTD(1)),
    table_full        UInt64 CODEC(T64, ZSTD(1)),
    unprobed_flows    UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    sampled_packets   UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    half_open_evicted UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    written           DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((batches, packets, octets, active_flows, dropped_kernel, late, table_full, unprobed_flows, sampled_packets, half_open_evicted))
PARTITION BY toDate(time)
ORDER BY (time, link, probe)
TTL written + toIntervalHour(72)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS observations_1m
(
    time              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link              LowCardinality(String) CODEC(ZSTD(1)),
    probe             LowCardinality(String) CODEC(ZSTD(1)),
    batches           UInt64 CODEC(T64, ZSTD(1)),
    packets           UInt64 CODEC(T64, ZSTD(1)),
    octets            UInt64 CODEC(T64, ZSTD(1)),
    active_flows      UInt64 CODEC(T64, ZSTD(1)),
    dropped_kernel    UInt64 CODEC(T64, ZSTD(1)),
    late              UInt64 CODEC(T64, ZSTD(1)),
    table_full        UInt64 CODEC(T64, ZSTD(1)),
    unprobed_flows    UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    sampled_packets   UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    half_open_evicted UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    written           DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((batches, packets, octets, active_flows, dropped_kernel, late, table_full, unprobed_flows, sampled_packets, half_open_evicted))
PARTITION BY toMonday(time)
ORDER BY (time, link, probe)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS observations_1m_view TO observations_1m AS
SELECT toStartOfMinute(s.time) AS time, s.link AS link, s.probe AS probe, sum(s.batches) AS batches,
    sum(s.packets) AS packets, sum(s.octets) AS octets, sum(s.active_flows) AS active_flows,
    sum(s.dropped_kernel) AS dropped_kernel, sum(s.late) AS late, sum(s.table_full) AS table_full,
    sum(s.unprobed_flows) AS unprobed_flows, sum(s.sampled_packets) AS sampled_packets,
    sum(s.half_open_evicted) AS half_open_evicted, max(s.written) AS written
FROM observations_10s AS s
GROUP BY time, link, probe;

CREATE TABLE IF NOT EXISTS observations_5m
(
    time              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link              LowCardinality(String) CODEC(ZSTD(1)),
    probe             LowCardinality(String) CODEC(ZSTD(1)),
    batches           UInt64 CODEC(T64, ZSTD(1)),
    packets           UInt64 CODEC(T64, ZSTD(1)),
    octets            UInt64 CODEC(T64, ZSTD(1)),
    active_flows      UInt64 CODEC(T64, ZSTD(1)),
    dropped_kernel    UInt64 CODEC(T64, ZSTD(1)),
    late              UInt64 CODEC(T64, ZSTD(1)),
    table_full        UInt64 CODEC(T64, ZSTD(1)),
    unprobed_flows    UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    sampled_packets   UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    half_open_evicted UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    written           DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((batches, packets, octets, active_flows, dropped_kernel, late, table_full, unprobed_flows, sampled_packets, half_open_evicted))
PARTITION BY toYYYYMM(time)
ORDER BY (time, link, probe)
TTL written + toIntervalHour(9600)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS observations_5m_view TO observations_5m AS
SELECT toStartOfFiveMinutes(s.time) AS time, s.link AS link, s.probe AS probe, sum(s.batches) AS batches,
    sum(s.packets) AS packets, sum(s.octets) AS octets, sum(s.active_flows) AS active_flows,
    sum(s.dropped_kernel) AS dropped_kernel, sum(s.late) AS late, sum(s.table_full) AS table_full,
    sum(s.unprobed_flows) AS unprobed_flows, sum(s.sampled_packets) AS sampled_packets,
    sum(s.half_open_evicted) AS half_open_evicted, max(s.written) AS written
FROM observations_1m AS s
GROUP BY time, link, probe;

CREATE TABLE IF NOT EXISTS observations_1h
(
    time              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link              LowCardinality(String) CODEC(ZSTD(1)),
    probe             LowCardinality(String) CODEC(ZSTD(1)),
    batches           UInt64 CODEC(T64, ZSTD(1)),
    packets           UInt64 CODEC(T64, ZSTD(1)),
    octets            UInt64 CODEC(T64, ZSTD(1)),
    active_flows      UInt64 CODEC(T64, ZSTD(1)),
    dropped_kernel    UInt64 CODEC(T64, ZSTD(1)),
    late              UInt64 CODEC(T64, ZSTD(1)),
    table_full        UInt64 CODEC(T64, ZSTD(1)),
    unprobed_flows    UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    sampled_packets   UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    half_open_evicted UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    written           DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((batches, packets, octets, active_flows, dropped_kernel, late, table_full, unprobed_flows, sampled_packets, half_open_evicted))
PARTITION BY toStartOfQuarter(time)
ORDER BY (time, link, probe)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS observations_1h_view TO observations_1h AS
SELECT toStartOfHour(s.time) AS time, s.link AS link, s.probe AS probe, sum(s.batches) AS batches,
    sum(s.packets) AS packets, sum(s.octets) AS octets, sum(s.active_flows) AS active_flows,
    sum(s.dropped_kernel) AS dropped_kernel, sum(s.late) AS late, sum(s.table_full) AS table_full,
    sum(s.unprobed_flows) AS unprobed_flows, sum(s.sampled_packets) AS sampled_packets,
    sum(s.half_open_evicted) AS half_open_evicted, max(s.written) AS written
FROM observations_5m AS s
GROUP BY time, link, probe;

CREATE TABLE IF NOT EXISTS observations_1d
(
    time              DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link              LowCardinality(String) CODEC(ZSTD(1)),
    probe             LowCardinality(String) CODEC(ZSTD(1)),
    batches           UInt64 CODEC(T64, ZSTD(1)),
    packets           UInt64 CODEC(T64, ZSTD(1)),
    octets            UInt64 CODEC(T64, ZSTD(1)),
    active_flows      UInt64 CODEC(T64, ZSTD(1)),
    dropped_kernel    UInt64 CODEC(T64, ZSTD(1)),
    late              UInt64 CODEC(T64, ZSTD(1)),
    table_full        UInt64 CODEC(T64, ZSTD(1)),
    unprobed_flows    UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    sampled_packets   UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    half_open_evicted UInt64 DEFAULT 0 CODEC(T64, ZSTD(1)),
    written           DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((batches, packets, octets, active_flows, dropped_kernel, late, table_full, unprobed_flows, sampled_packets, half_open_evicted))
PARTITION BY toYear(time)
ORDER BY (time, link, probe)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS observations_1d_view TO observations_1d AS
SELECT toStartOfDay(s.time) AS time, s.link AS link, s.probe AS probe, sum(s.batches) AS batches,
    sum(s.packets) AS packets, sum(s.octets) AS octets, sum(s.active_flows) AS active_flows,
    sum(s.dropped_kernel) AS dropped_kernel, sum(s.late) AS late, sum(s.table_full) AS table_full,
    sum(s.unprobed_flows) AS unprobed_flows, sum(s.sampled_packets) AS sampled_packets,
    sum(s.half_open_evicted) AS half_open_evicted, max(s.written) AS written
FROM observations_1h AS s
GROUP BY time, link, probe;

CREATE TABLE IF NOT EXISTS round_trips_10s
(
    time     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link     LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    bin_us   UInt32 CODEC(T64, ZSTD(1)),
    probe    LowCardinality(String) CODEC(ZSTD(1)),
    samples  UInt64 CODEC(T64, ZSTD(1)),
    written  DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((samples))
PARTITION BY toDate(time)
PRIMARY KEY (toStartOfHour(time), link, category)
ORDER BY (toStartOfHour(time), link, category, time, bin_us, probe)
TTL written + toIntervalHour(72)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS round_trips_1m
(
    time     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link     LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    bin_us   UInt32 CODEC(T64, ZSTD(1)),
    probe    LowCardinality(String) CODEC(ZSTD(1)),
    samples  UInt64 CODEC(T64, ZSTD(1)),
    written  DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((samples))
PARTITION BY toMonday(time)
PRIMARY KEY (toStartOfInterval(time, toIntervalHour(6)), link, category)
ORDER BY (toStartOfInterval(time, toIntervalHour(6)), link, category, time, bin_us, probe)
TTL written + toIntervalHour(720)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS round_trips_1m_view TO round_trips_1m AS
SELECT toStartOfMinute(s.time) AS time, s.link AS link, s.category AS category, s.bin_us AS bin_us, s.probe AS probe,
    sum(s.samples) AS samples, max(s.written) AS written
FROM round_trips_10s AS s
GROUP BY time, link, category, bin_us, probe;

CREATE TABLE IF NOT EXISTS round_trips_1h
(
    time     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link     LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    bin_us   UInt32 CODEC(T64, ZSTD(1)),
    probe    LowCardinality(String) CODEC(ZSTD(1)),
    samples  UInt64 CODEC(T64, ZSTD(1)),
    written  DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((samples))
PARTITION BY toStartOfQuarter(time)
PRIMARY KEY (toMonday(time), link, category)
ORDER BY (toMonday(time), link, category, time, bin_us, probe)
TTL written + toIntervalHour(43824)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS round_trips_1h_view TO round_trips_1h AS
SELECT toStartOfHour(s.time) AS time, s.link AS link, s.category AS category, s.bin_us AS bin_us, s.probe AS probe,
    sum(s.samples) AS samples, max(s.written) AS written
FROM round_trips_1m AS s
GROUP BY time, link, category, bin_us, probe;

CREATE TABLE IF NOT EXISTS round_trips_1d
(
    time     DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    link     LowCardinality(String) CODEC(ZSTD(1)),
    category LowCardinality(String) CODEC(ZSTD(1)),
    bin_us   UInt32 CODEC(T64, ZSTD(1)),
    probe    LowCardinality(String) CODEC(ZSTD(1)),
    samples  UInt64 CODEC(T64, ZSTD(1)),
    written  DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = SummingMergeTree((samples))
PARTITION BY toYear(time)
PRIMARY KEY (toYear(time), link, category)
ORDER BY (toYear(time), link, category, time, bin_us, probe)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS round_trips_1d_view TO round_trips_1d AS
SELECT toStartOfDay(s.time) AS time, s.link AS link, s.category AS category, s.bin_us AS bin_us, s.probe AS probe,
    sum(s.samples) AS samples, max(s.written) AS written
FROM round_trips_1h AS s
GROUP BY time, link, category, bin_us, probe;

CREATE TABLE IF NOT EXISTS events
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
ENGINE = ReplacingMergeTree(version)
ORDER BY id;

CREATE TABLE IF NOT EXISTS event_notes
(
    event   String CODEC(ZSTD(1)),
    at      DateTime64(3, 'UTC'),
    who     String CODEC(ZSTD(1)),
    action  LowCardinality(String),
    text    String CODEC(ZSTD(1)),
    until   Nullable(DateTime('UTC'))
)
ENGINE = MergeTree
ORDER BY (event, at);

CREATE TABLE IF NOT EXISTS alert_log
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
ENGINE = MergeTree
PARTITION BY toYYYYMM(at)
ORDER BY (event, at)
TTL toDateTime(at) + toIntervalDay(400)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS saved_views
(
    id      String,
    name    String,
    url     String,
    who     String,
    at      DateTime64(3, 'UTC'),
    deleted UInt8,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY id;

CREATE TABLE IF NOT EXISTS flow_records
(
    first             DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    last              DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    link              LowCardinality(String),
    category          LowCardinality(String),
    protocol          LowCardinality(String),
    service           LowCardinality(String),
    probe             LowCardinality(String),
    confidence        UInt8,
    transport         UInt8,
    initiator         IPv6 CODEC(ZSTD(1)),
    initiator_port    UInt16 CODEC(ZSTD(1)),
    responder         IPv6 CODEC(ZSTD(1)),
    responder_port    UInt16 CODEC(ZSTD(1)),
    initiator_octets  UInt64 CODEC(T64, ZSTD(1)),
    initiator_packets UInt64 CODEC(T64, ZSTD(1)),
    responder_octets  UInt64 CODEC(T64, ZSTD(1)),
    responder_packets UInt64 CODEC(T64, ZSTD(1)),
    end_reason        LowCardinality(String),
    stands_for        UInt32 CODEC(ZSTD(1)),
    written           DateTime('UTC') DEFAULT now() CODEC(DoubleDelta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(last)
ORDER BY (toStartOfHour(last), link, category, last)
TTL written + toIntervalHour(72)
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS ledger
(
    day     Date,
    family  LowCardinality(String),
    seconds UInt32,
    alone   UInt8 DEFAULT 0,
    written Date DEFAULT toDate(now('UTC')),
    octets  UInt64,
    packets UInt64
)
ENGINE = SummingMergeTree((octets, packets))
ORDER BY (day, family, seconds, alone, written)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE TABLE IF NOT EXISTS ledger_forgotten
(
    of      LowCardinality(String),
    first   Date,
    last    Date,
    written Date,
    reason  LowCardinality(String),
    noted   DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY (of, first);
