-- What the tables need not hold any more although the ledger has it: dropped for `max_size`, expired under an
-- earlier retention, or given up by somebody. Days from `first` to `last` of a table, written up to `written`.
CREATE TABLE IF NOT EXISTS {table}
(
    of      LowCardinality(String),
    first   Date,
    last    Date,
    written Date,
    reason  LowCardinality(String),
    noted   DateTime('UTC') DEFAULT now()
)
ENGINE = {plain}
ORDER BY (of, first)
