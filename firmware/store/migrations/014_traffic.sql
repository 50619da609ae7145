-- What went to the broker and came from it on each of the last days, by the handset's own date. It does not leave.
CREATE TABLE traffic (
    day TEXT PRIMARY KEY,
    sent_bytes INTEGER NOT NULL CHECK (sent_bytes >= 0),
    received_bytes INTEGER NOT NULL CHECK (received_bytes >= 0)
) STRICT;
