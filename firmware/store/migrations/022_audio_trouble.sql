-- Why somebody heard nothing in a call, as it was last known; NULL where nothing was wrong. For the holder's eyes only.
ALTER TABLE calls ADD COLUMN trouble TEXT CHECK (trouble IN ('blocked', 'not_heard', 'nothing_heard'));
