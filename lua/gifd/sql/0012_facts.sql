-- What an asset looks like: colours and a picture of a few bytes to show before it; and perceptual hashes of a few of
-- its pictures, from which the index of hashes is made (model/fact).

CREATE TABLE asset_facts (
  asset_id   TEXT    PRIMARY KEY REFERENCES assets (id) ON DELETE CASCADE,
  colors     TEXT    NOT NULL,                       -- JSON: [{"color":"#rrggbb","share":0.42},...]
  placeholder TEXT,                                  -- a data URL, or none
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE asset_hashes (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,      -- in the order of commits: the index knows how far it has come
  asset_id   TEXT    NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  at_ms      INTEGER NOT NULL,
  quality    INTEGER NOT NULL CHECK (quality BETWEEN 0 AND 100),
  hash       TEXT    NOT NULL CHECK (length(hash) = 64)
) STRICT;
CREATE INDEX asset_hashes_by_asset ON asset_hashes (asset_id);
