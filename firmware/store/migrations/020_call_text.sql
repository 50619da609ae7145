-- What was written in a call, where the holder wants it kept; see firmware/phone/kept_text.py. For the holder's eyes only.
ALTER TABLE calls ADD COLUMN text TEXT NOT NULL DEFAULT '';
