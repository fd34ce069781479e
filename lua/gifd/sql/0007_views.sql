-- Views of media. `views` and `clicks` of a row are those that no preview program made; the tables beside them tell
-- everybody apart by class of client ("" is nobody in particular) and by where they came from.
ALTER TABLE assets ADD COLUMN views INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shares ADD COLUMN views INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hits ADD COLUMN views INTEGER NOT NULL DEFAULT 0;
UPDATE shares SET clicks = max(0, clicks - (
  SELECT coalesce(sum(h.clicks), 0) FROM hits h WHERE h.share_id = shares.id AND h.client <> ''));
CREATE TABLE asset_hits (
  asset      INTEGER NOT NULL REFERENCES assets (rowid_) ON DELETE CASCADE,
  kind       TEXT    NOT NULL CHECK (kind IN ('original', 'mp4', 'poster', 'other')),
  client     TEXT    NOT NULL,
  referrer   TEXT    NOT NULL,
  views      INTEGER NOT NULL,
  PRIMARY KEY (asset, kind, client, referrer)
) STRICT, WITHOUT ROWID;
