-- Visits of shares by who asked: class of client ("" is nobody in particular) and where they came from.
CREATE TABLE hits (
  share_id   INTEGER NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
  client     TEXT    NOT NULL,
  referrer   TEXT    NOT NULL,
  clicks     INTEGER NOT NULL,
  PRIMARY KEY (share_id, client, referrer)
) STRICT, WITHOUT ROWID;

-- Keys of the tally hold an id in their low 40 bits (model/count).
DROP INDEX tally_marks_by_key;
CREATE INDEX tally_marks_by_id ON tally_marks (key & 1099511627775);
