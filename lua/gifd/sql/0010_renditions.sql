-- Every rendition that pages, platforms and pickers ask for (flow/renditions). The name of a rendition is now NAME.EXT,
-- the end of its address, since one name may have several types.
ALTER TABLE renditions ADD COLUMN recipe TEXT;         -- JSON, as given to the media process; NULL: the original's bytes
ALTER TABLE renditions ADD COLUMN made_by TEXT;        -- the program and its libraries: equal ones make equal bytes
UPDATE renditions SET name = name || '.' || CASE type WHEN 'image/jpeg' THEN 'jpg' ELSE substr(type, 7) END
  WHERE instr(name, '.') = 0;

-- Asked for and not made yet: one job of an asset ('renditions') makes them, the most wanted first.
CREATE TABLE renditions_asked (
  asset_id   TEXT    NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  name       TEXT    NOT NULL,
  priority   INTEGER NOT NULL,                         -- of the job, while this is the most wanted
  pixels     INTEGER NOT NULL,                         -- of work
  asked_at   INTEGER NOT NULL,
  PRIMARY KEY (asset_id, name)
) STRICT, WITHOUT ROWID;

-- Those that cannot be, and why: not tried again.
CREATE TABLE renditions_refused (
  asset_id   TEXT    NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  name       TEXT    NOT NULL,
  code       TEXT    NOT NULL,
  reason     TEXT    NOT NULL,
  made_by    TEXT,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (asset_id, name)
) STRICT, WITHOUT ROWID;

-- The ladder of an asset where a plugin made another one of it; NULL: the configured one.
ALTER TABLE assets ADD COLUMN ladder TEXT;             -- JSON
