-- What caches are still to be told, written together with the change that they are told about.
CREATE TABLE purges (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  asset_id   TEXT    NOT NULL,
  code       TEXT,                                   -- of the share that changed, if it was one
  created_at INTEGER NOT NULL
) STRICT;
