-- What a contact's number is, in the order in which they are called.
ALTER TABLE contact_numbers ADD COLUMN kind TEXT NOT NULL DEFAULT 'other' CHECK (kind IN ('mobile', 'home', 'work', 'other'));

-- `picture` names a picture, `sort_key` says where the contact stands in the list. `spelled_by` names what made that key and the contact's rows of
-- contact_keys; a contact that something older has spelled, or nothing yet, is spelled again when the store opens.
ALTER TABLE contacts ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1));
ALTER TABLE contacts ADD COLUMN picture TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN sort_key TEXT NOT NULL DEFAULT '';
ALTER TABLE contacts ADD COLUMN spelled_by TEXT NOT NULL DEFAULT '';

CREATE INDEX contacts_in_order ON contacts (sort_key, contact_id);

CREATE INDEX contacts_blocked ON contacts (contact_id) WHERE blocked = 1;

CREATE INDEX contacts_by_spelling ON contacts (spelled_by);

-- What is found by which digits: `rank` 0 is the beginning of a name, 1 another word of it, 2 a number, whose place is `position`. The primary key is the
-- order in which matches are shown, so that the first few are at hand however many there are.
CREATE TABLE contact_keys (
    rank INTEGER NOT NULL,
    keys TEXT NOT NULL,
    contact_id INTEGER NOT NULL REFERENCES contacts (contact_id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    PRIMARY KEY (rank, keys, contact_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX contact_keys_by_contact ON contact_keys (contact_id);
