-- One PIN each for the holder and for the guardian of a holder who is under 14.
CREATE TABLE pins (
    slot TEXT PRIMARY KEY CHECK (slot IN ('holder', 'guardian')),
    code TEXT NOT NULL,
    wrong_tries INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO pins (slot, code, wrong_tries) SELECT 'holder', code, wrong_tries FROM pin;

DROP TABLE pin;

-- Whether the line's number is proved, and how many wrong codes were typed so far: a restart gives none of them back.
CREATE TABLE number_proof (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    wrong_codes INTEGER NOT NULL DEFAULT 0,
    proved INTEGER NOT NULL DEFAULT 0 CHECK (proved IN (0, 1))
) STRICT;
