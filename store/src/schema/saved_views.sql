-- Saved views: a row a state of each; the newest replaces the others, and may say that it was deleted.
CREATE TABLE IF NOT EXISTS {table}
(
    id      String,
    name    String,
    url     String,
    who     String,
    at      DateTime64(3, 'UTC'),
    deleted UInt8,
    version UInt64
)
ENGINE = {replacing(version)}
ORDER BY id
