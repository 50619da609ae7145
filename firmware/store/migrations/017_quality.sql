-- What redundancy repaired in a call, and how the far end heard it: for the holder's eyes only, as the rest of its sound.
ALTER TABLE calls ADD COLUMN repaired_percent REAL NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN far_loss_percent REAL;
ALTER TABLE calls ADD COLUMN far_mos REAL;
