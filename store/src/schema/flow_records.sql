-- Records of single flows: the heavy ones, and one of so many others; off unless configured. Only ever added to.
-- `stands_for` is 1 for a heavy flow and N for one that was drawn from N: sum(octets * stands_for) tells what all flows
-- of a kind had. Local addresses are truncated before they come here unless the configuration says otherwise.
-- Order: what is asked for is an hour or a day of a link or a category.
CREATE TABLE IF NOT EXISTS {table}
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
ENGINE = {plain}
PARTITION BY toDate(last)
ORDER BY (toStartOfHour(last), link, category, last)
{ttl}
SETTINGS ttl_only_drop_parts = 1
