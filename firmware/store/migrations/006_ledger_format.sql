-- Entries of format 2 tell of more than purposes, and say who decided, how, and how good the clock was. Those of format 1 stay as they are, hash included.
ALTER TABLE consent_ledger RENAME COLUMN purpose TO about;
ALTER TABLE consent_ledger ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
ALTER TABLE consent_ledger ADD COLUMN actor TEXT;
ALTER TABLE consent_ledger ADD COLUMN channel TEXT;
ALTER TABLE consent_ledger ADD COLUMN clock TEXT;
