-- The outbox anew, for more topics; which there are is for the closed models to say. `with_broker`: the broker has it, and a collector's word is awaited.
ALTER TABLE outbox RENAME TO outbox_before;

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    topic TEXT NOT NULL,
    call_id TEXT,
    ledger_entries INTEGER NOT NULL,
    payload TEXT NOT NULL,
    with_broker INTEGER NOT NULL DEFAULT 0 CHECK (with_broker IN (0, 1))
) STRICT;

INSERT INTO outbox (seq, epoch, topic, call_id, ledger_entries, payload)
SELECT seq, epoch, topic, call_id, ledger_entries, payload FROM outbox_before;

DROP TABLE outbox_before;

CREATE INDEX outbox_by_call ON outbox (call_id) WHERE call_id IS NOT NULL;

CREATE INDEX outbox_to_send ON outbox (seq) WHERE with_broker = 0;

-- Who got what: a row is there before its message leaves. `in_clear`: its number crossed a border as it is. `erased_epoch` and `erased_seq` name the notice
-- by which the recipient is told to delete it.
CREATE TABLE shares (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    topic TEXT NOT NULL,
    call_id TEXT,
    in_clear INTEGER NOT NULL CHECK (in_clear IN (0, 1)),
    handed_at REAL NOT NULL,
    broker_at REAL,
    collector TEXT,
    collector_at REAL,
    erased_epoch INTEGER,
    erased_seq INTEGER,
    PRIMARY KEY (epoch, seq, recipient)
) STRICT, WITHOUT ROWID;

CREATE INDEX shares_not_erased ON shares (call_id) WHERE topic = 'cdr' AND erased_seq IS NULL;

CREATE INDEX shares_by_time ON shares (handed_at);

-- Makes the pseudonyms of numbers beyond the border; never leaves, and is drawn anew when what was sent is erased.
CREATE TABLE pseudonym_key (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    key BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;

INSERT INTO pseudonym_key (only, key) VALUES (1, randomblob(32));
