-- For how long the handset has run in all, as JSON: what retention and limits of requests are counted by, whatever the time of day says.
CREATE TABLE witness (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    said TEXT NOT NULL
) STRICT;

-- How far each category had come when the handset had run for so long, as JSON: what was there then is as old as that at least.
CREATE TABLE retention_marks (
    witnessed_s REAL PRIMARY KEY,
    positions TEXT NOT NULL
) STRICT;

-- What the holder has asked of the operator; `number` is what both call it. `filed_s` is for how long the handset had run then.
CREATE TABLE requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    filed_at REAL NOT NULL,
    filed_s REAL NOT NULL,
    clock_synced INTEGER NOT NULL CHECK (clock_synced IN (0, 1)),
    due TEXT NOT NULL,
    closed TEXT CHECK (closed IN ('answered', 'withdrawn')),
    closed_at REAL,
    CHECK ((closed IS NULL) = (closed_at IS NULL))
) STRICT;

-- Copies that were made, by how long the handset had run then.
CREATE TABLE copies (
    made_s REAL PRIMARY KEY
) STRICT;

-- A row says that the account is being cancelled: whoever opens the store goes on with that.
CREATE TABLE cancellation (
    only INTEGER PRIMARY KEY CHECK (only = 1)
) STRICT;
