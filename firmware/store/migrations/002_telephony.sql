-- What the handset decided by itself about a call, and how the call sounded: for the holder's eyes only.
ALTER TABLE calls ADD COLUMN decision TEXT;
ALTER TABLE calls ADD COLUMN loss_percent REAL;
ALTER TABLE calls ADD COLUMN jitter_ms REAL;
ALTER TABLE calls ADD COLUMN round_trip_ms REAL;
ALTER TABLE calls ADD COLUMN codec TEXT;
ALTER TABLE calls ADD COLUMN encrypted INTEGER CHECK (encrypted IN (0, 1));
ALTER TABLE calls ADD COLUMN mos REAL;

-- How the handset rings for a contact; empty for as usual.
ALTER TABLE contacts ADD COLUMN ring TEXT NOT NULL DEFAULT '';

-- `position` orders messages by when they were kept, whatever the clock said.
CREATE TABLE messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE,
    direction TEXT NOT NULL CHECK (direction IN ('outgoing', 'incoming')),
    number TEXT NOT NULL,
    display_name TEXT NOT NULL,
    text TEXT NOT NULL,
    at REAL NOT NULL,
    read INTEGER NOT NULL CHECK (read IN (0, 1)),
    delivered INTEGER NOT NULL CHECK (delivered IN (0, 1))
) STRICT;

CREATE INDEX messages_unread ON messages (position) WHERE read = 0;

-- What the holder has set on the phone, as JSON of firmware.phone.preferences.Preferences.
CREATE TABLE preferences (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    chosen TEXT NOT NULL
) STRICT;
