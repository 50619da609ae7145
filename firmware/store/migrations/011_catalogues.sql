-- What the operator has put in the place of the firmware's own catalogue of purposes, as JSON; the newest is in force.
CREATE TABLE catalogues (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    version TEXT NOT NULL UNIQUE,
    said TEXT NOT NULL
) STRICT;
