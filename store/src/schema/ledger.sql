-- What was written, by day: octets and packets (of round trips: samples) of each family of tables that is inserted
-- into. `seconds` is the tier of the insert: its rows are in that tier's table and in all coarser ones. Rows that were
-- found when the ledger was begun have `alone` = 1: they speak of that one table.
-- A group's rows come last and with the group's token: the tables hold at least what stands here.
CREATE TABLE IF NOT EXISTS {table}
(
    day     Date,
    family  LowCardinality(String),
    seconds UInt32,
    alone   UInt8 DEFAULT 0,
    written Date DEFAULT toDate(now('UTC')),
    octets  UInt64,
    packets UInt64
)
ENGINE = {summing(octets, packets)}
ORDER BY (day, family, seconds, alone, written)
SETTINGS {window}
