-- Each signed document that was taken. Kept when what it said is forgotten, so that nothing is taken twice.
CREATE TABLE documents (
    kind TEXT NOT NULL CHECK (kind IN ('policy', 'notice', 'catalogue')),
    number INTEGER NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    issued_at REAL NOT NULL,
    taken_at REAL NOT NULL,
    PRIMARY KEY (kind, number)
) STRICT;

-- `said` is what a policy says, as JSON; `document` the bytes that were signed, NULL where the firmware brought it.
-- `witness` is how much time has passed since it was read, as JSON, while it waits to take effect.
CREATE TABLE policies (
    position INTEGER PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    said TEXT NOT NULL,
    document BLOB,
    state TEXT NOT NULL CHECK (state IN ('unread', 'waiting', 'in_force', 'replaced')),
    witness TEXT,
    CHECK ((witness IS NULL) = (state != 'waiting'))
) STRICT;

CREATE UNIQUE INDEX policies_one_in_force ON policies (state) WHERE state = 'in_force';

-- `notice_id` is the document's number.
CREATE TABLE notices (
    notice_id INTEGER PRIMARY KEY,
    said TEXT NOT NULL,
    document BLOB NOT NULL,
    incident INTEGER NOT NULL CHECK (incident IN (0, 1)),
    issued_at REAL NOT NULL,
    acknowledged_at REAL
) STRICT;
