-- How the phone came to be set up by whoever holds it: 'first_run' is by the questions on its own display. Without a row it was not.
CREATE TABLE set_up (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    reason TEXT NOT NULL
) STRICT;
