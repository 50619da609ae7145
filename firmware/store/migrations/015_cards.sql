-- What a contact's vCard says beside name and numbers, as JSON: kept to be given back, and for nothing else.
ALTER TABLE contacts ADD COLUMN properties TEXT NOT NULL DEFAULT '[]' CHECK (length(CAST(properties AS BLOB)) <= 48000);

-- Whose photo it is, where it came on somebody's card: it goes with the contact, its key at once. NULL for the holder's own pictures.
ALTER TABLE pictures ADD COLUMN contact_id INTEGER REFERENCES contacts (contact_id) ON DELETE CASCADE;

CREATE INDEX pictures_of_contacts ON pictures (contact_id) WHERE contact_id IS NOT NULL;
