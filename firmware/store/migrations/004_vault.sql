-- The holder's PIN as an Argon2id hash with its parameters and salt (PHC string format), and how many wrong ones were tried since the last right one.
CREATE TABLE pin (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    code TEXT NOT NULL,
    wrong_tries INTEGER NOT NULL CHECK (wrong_tries >= 0)
) STRICT;

-- Each picture is a sealed file of this name beside the store, `sealing_key` its own key: without its row it is nothing but noise.
CREATE TABLE pictures (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    picture TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    sealing_key BLOB NOT NULL CHECK (length(sealing_key) = 32)
) STRICT;
