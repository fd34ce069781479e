-- What signed URLs are signed with. The file is its owner's alone (mode 0600); a revoked key's secret is forgotten.
CREATE TABLE signing_keys (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  kid        TEXT    NOT NULL UNIQUE CHECK (length(kid) BETWEEN 1 AND 32),
  secret     TEXT    NOT NULL,                       -- base64url; '' once revoked
  state      TEXT    NOT NULL CHECK (state IN ('signing', 'verifying', 'revoked')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX signing_keys_signing ON signing_keys (state) WHERE state = 'signing';
