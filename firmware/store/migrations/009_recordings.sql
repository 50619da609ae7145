-- Each recording of a call is a sealed file of this name beside the store, `sealing_key` its own key: the row is there before the file's first byte, and
-- without it the file is nothing but noise. `position` orders them by when they began, whatever the clock said; `number` and `name` are what the call had then.
-- `ledger_entries` is how long the consent ledger was. A recording that is 'running' when the store opens lost its writer; what its file holds can be played.
-- `kept_until` is the moment until which it makes no room for others, none for good.
CREATE TABLE recordings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    recording_id TEXT NOT NULL UNIQUE,
    call_id TEXT NOT NULL,
    number TEXT NOT NULL,
    name TEXT NOT NULL,
    sealing_key BLOB NOT NULL CHECK (length(sealing_key) = 32),
    sound_format TEXT NOT NULL CHECK (sound_format IN ('opus', 'flac')),
    began_at REAL NOT NULL,
    clock_synced INTEGER NOT NULL CHECK (clock_synced IN (0, 1)),
    boot_id TEXT NOT NULL,
    ledger_entries INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'complete', 'incomplete')),
    duration_s REAL NOT NULL DEFAULT 0,
    lost_s REAL NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    kept INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),
    kept_until REAL
) STRICT;
