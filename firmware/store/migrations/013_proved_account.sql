-- Whose number is proved; another account's is not. For whom it was proved before is not known, so that counts for none.
ALTER TABLE number_proof ADD COLUMN account TEXT NOT NULL DEFAULT '';
