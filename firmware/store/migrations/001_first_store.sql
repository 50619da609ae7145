-- What was made with the store and never changes.
CREATE TABLE identity (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    account_secret BLOB NOT NULL CHECK (length(account_secret) = 32)
) STRICT;

INSERT INTO identity (only, account_secret) VALUES (1, randomblob(32));

-- `position` orders calls by when they were written down, which is when they began, whatever the clock said. `ledger_entries` is how long the consent ledger
-- was then. A row without a reason is a call that is not over.
CREATE TABLE calls (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    call_id TEXT NOT NULL UNIQUE,
    direction TEXT NOT NULL CHECK (direction IN ('outgoing', 'incoming')),
    number TEXT NOT NULL,
    dialled TEXT NOT NULL,
    account TEXT NOT NULL,
    started_at REAL NOT NULL,
    answered_at REAL,
    ended_at REAL,
    reason TEXT,
    sip_code INTEGER NOT NULL DEFAULT 0,
    clock_synced INTEGER NOT NULL CHECK (clock_synced IN (0, 1)),
    boot_id TEXT NOT NULL,
    ledger_entries INTEGER NOT NULL,
    seen INTEGER NOT NULL CHECK (seen IN (0, 1))
) STRICT;

CREATE INDEX calls_not_over ON calls (call_id) WHERE reason IS NULL;

CREATE INDEX calls_unseen ON calls (position) WHERE seen = 0;

CREATE TABLE contacts (
    contact_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL
) STRICT;

-- `tail` is what two ways of writing one number have in common, `number` is as typed.
CREATE TABLE contact_numbers (
    contact_id INTEGER NOT NULL REFERENCES contacts (contact_id) ON DELETE CASCADE,
    number TEXT NOT NULL,
    tail TEXT NOT NULL,
    PRIMARY KEY (contact_id, number)
) STRICT;

CREATE INDEX contact_numbers_by_tail ON contact_numbers (tail);

CREATE TABLE consent_ledger (
    number INTEGER PRIMARY KEY,
    action TEXT NOT NULL,
    purpose TEXT NOT NULL,
    at TEXT NOT NULL,
    policy_version TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- The newest entry once more, apart: without it a ledger that lost its newest entries would still verify.
CREATE TABLE consent_head (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    entries INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;

INSERT INTO consent_head (only, entries, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TRIGGER consent_ledger_grows_by_one BEFORE INSERT ON consent_ledger
WHEN NOT EXISTS (SELECT 1 FROM consent_head WHERE entries + 1 = NEW.number AND hash = NEW.previous_hash)
BEGIN
    SELECT RAISE(ABORT, 'an entry of the consent ledger follows its head');
END;

CREATE TRIGGER consent_ledger_moves_its_head AFTER INSERT ON consent_ledger
BEGIN
    UPDATE consent_head SET entries = NEW.number, hash = NEW.hash;
END;

CREATE TRIGGER consent_ledger_is_not_changed BEFORE UPDATE ON consent_ledger
BEGIN
    SELECT RAISE(ABORT, 'the consent ledger is append-only');
END;

CREATE TRIGGER consent_ledger_is_not_deleted BEFORE DELETE ON consent_ledger
BEGIN
    SELECT RAISE(ABORT, 'the consent ledger is append-only');
END;

-- Numbers are given out here and not by the outbox's own rows, so that deleting rows never gives one out again.
CREATE TABLE outbox_counter (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last_seq INTEGER NOT NULL
) STRICT;

INSERT INTO outbox_counter (only, last_seq) VALUES (1, 0);

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    topic TEXT NOT NULL CHECK (topic IN ('cdr', 'consent')),
    call_id TEXT,
    ledger_entries INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT;

CREATE INDEX outbox_by_call ON outbox (call_id) WHERE call_id IS NOT NULL;
