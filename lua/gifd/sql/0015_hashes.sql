-- What is known by its content: banned, or allowed whatever judges say. One row for each digest or perceptual hash; those
-- of one picture that was listed as such share its asset_id (model/listed). The perceptual ones are copied by an index.

CREATE TABLE listed_hashes (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,      -- in the order of commits: the index knows how far it has come
  list       TEXT    NOT NULL CHECK (list IN ('ban', 'allow')),
  kind       TEXT    NOT NULL CHECK (kind IN ('sha256', 'pdq')),
  hash       TEXT    NOT NULL CHECK (length(hash) = 64),
  distance   INTEGER NOT NULL CHECK (distance BETWEEN 0 AND 64), -- bits in which a picture may differ; of a digest 0
  category   TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  asset_id   TEXT,                                   -- of which it was made, if that was here
  added_by   TEXT    NOT NULL,                       -- as decisions.actor
  change     INTEGER NOT NULL,                       -- which change made it as it is: when
  created_at INTEGER NOT NULL,
  UNIQUE (hash, kind, list)
) STRICT;
CREATE INDEX listed_hashes_by_change ON listed_hashes (change, id);
CREATE INDEX listed_hashes_by_asset ON listed_hashes (asset_id) WHERE asset_id IS NOT NULL;
CREATE INDEX listed_hashes_pdq ON listed_hashes (id) WHERE kind = 'pdq';
CREATE INDEX listed_hashes_widest ON listed_hashes (distance) WHERE kind = 'pdq';
