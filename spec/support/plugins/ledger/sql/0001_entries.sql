-- What was written into the ledger.
CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT NOT NULL, n INTEGER NOT NULL DEFAULT 0) STRICT;
