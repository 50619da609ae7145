-- What the server said of the caller's number; NULL where it said nothing. For the holder's eyes only.
ALTER TABLE calls ADD COLUMN verification TEXT CHECK (verification IN ('verified', 'unverified', 'spam'));
