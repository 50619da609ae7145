-- A caller who was turned away unanswered is so in one word.
UPDATE calls SET reason = 'rejected' WHERE reason = 'local_hangup' AND direction = 'incoming' AND answered_at IS NULL;

-- Answers are documents too; a check can only be changed with its table.
CREATE TABLE documents_with_answers (
    kind TEXT NOT NULL CHECK (kind IN ('policy', 'notice', 'catalogue', 'answer')),
    number INTEGER NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    issued_at REAL NOT NULL,
    taken_at REAL NOT NULL,
    PRIMARY KEY (kind, number)
) STRICT;
INSERT INTO documents_with_answers SELECT kind, number, digest, issued_at, taken_at FROM documents;
DROP TABLE documents;
ALTER TABLE documents_with_answers RENAME TO documents;

-- `number` and `epoch` are what the operator names a request by; a number alone may come again after a reset, both never do.
-- `filed_s` is for how long the handset had run when it was filed, `waits_s` when it began to wait: then, or once the holder objected to an answer.
-- `filed_at` and `due` are NULL until the clock is proved right. `objected`: it has been answered, and waits again.
CREATE TABLE dated_requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch INTEGER NOT NULL CHECK (epoch BETWEEN 1 AND 9007199254740991),
    kind TEXT NOT NULL,
    filed_at REAL,
    filed_s REAL NOT NULL,
    waits_s REAL NOT NULL,
    due TEXT,
    objected INTEGER NOT NULL DEFAULT 0 CHECK (objected IN (0, 1)),
    closed TEXT CHECK (closed IN ('answered', 'granted', 'partly', 'refused', 'withdrawn')),
    closed_at REAL,
    CHECK (closed IS NOT NULL OR closed_at IS NULL)
) STRICT;
INSERT INTO dated_requests (number, epoch, kind, filed_at, filed_s, waits_s, due, closed, closed_at)
    SELECT number, (random() & 4503599627370495) + 1, kind, iif(clock_synced, filed_at, NULL), filed_s, filed_s, iif(clock_synced, due, NULL), closed, closed_at
    FROM requests;
-- Also the numbers of requests that are forgotten never come again.
DELETE FROM sqlite_sequence WHERE name = 'dated_requests';
INSERT INTO sqlite_sequence (name, seq) SELECT 'dated_requests', seq FROM sqlite_sequence WHERE name = 'requests';
DROP TABLE requests;
ALTER TABLE dated_requests RENAME TO requests;

-- What the operator answered; `number` is the document's, `said` what it says, as JSON.
CREATE TABLE answers (
    number INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (number) ON DELETE CASCADE,
    said TEXT NOT NULL,
    document BLOB NOT NULL,
    issued_at REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('unread', 'read', 'objected'))
) STRICT;

CREATE INDEX answers_by_request ON answers (request);
