-- What the answering machine took: 'new' until somebody has listened to it; empty for the recording of a call.
ALTER TABLE recordings ADD COLUMN message TEXT NOT NULL DEFAULT '' CHECK (message IN ('', 'new', 'heard'));
