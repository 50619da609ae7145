-- Updates are documents too; a check can only be changed with its table.
CREATE TABLE documents_with_updates (
    kind TEXT NOT NULL CHECK (kind IN ('policy', 'notice', 'catalogue', 'answer', 'update')),
    number INTEGER NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    issued_at REAL NOT NULL,
    taken_at REAL NOT NULL,
    PRIMARY KEY (kind, number)
) STRICT;
INSERT INTO documents_with_updates SELECT kind, number, digest, issued_at, taken_at FROM documents;
DROP TABLE documents;
ALTER TABLE documents_with_updates RENAME TO documents;

-- The newest alone; `number` is the document's, `outcome` what the operator was last told of it.
CREATE TABLE updates (
    number INTEGER PRIMARY KEY,
    document BLOB NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
