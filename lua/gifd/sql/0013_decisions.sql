-- What was decided about an asset or a share, by its judges together or by a person: only added to. The standing one is
-- named by `scan_id` of the thing itself, so that whoever decides anew says what he has seen, and a race is refused.

CREATE TABLE decisions (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  scan_id    TEXT    NOT NULL UNIQUE CHECK (length(scan_id) = 16),
  kind       TEXT    NOT NULL CHECK (kind IN ('asset', 'share')),
  subject    TEXT    NOT NULL,                       -- assets.id, or shares.id in digits
  revision   INTEGER NOT NULL,                       -- of the subject then
  decision   TEXT    NOT NULL CHECK (decision IN ('pending', 'approved', 'flagged', 'rejected', 'quarantined')),
  was        TEXT    NOT NULL,                       -- the verdict until then
  category   TEXT    NOT NULL,
  confidence REAL,
  reasons    TEXT    NOT NULL DEFAULT '[]',
  actor      TEXT    NOT NULL,                       -- 'judges', 'system', 'account:NAME'
  policy     TEXT,                                   -- the code of the rule that a person named
  notes      TEXT    NOT NULL DEFAULT '',            -- for other reviewers
  legal      INTEGER NOT NULL DEFAULT 0 CHECK (legal IN (0, 1)),
  banned     INTEGER NOT NULL DEFAULT 0 CHECK (banned IN (0, 1)),
  replaced   TEXT,                                   -- scan_id of what stood before
  undoes     TEXT,                                   -- scan_id of what this takes back
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX decisions_by_subject ON decisions (kind, subject, id);

ALTER TABLE assets ADD COLUMN scan_id TEXT;
ALTER TABLE assets ADD COLUMN decided_by TEXT;         -- as decisions.actor; NULL: nobody yet
ALTER TABLE assets ADD COLUMN legal INTEGER NOT NULL DEFAULT 0 CHECK (legal IN (0, 1)); -- taken down by law
ALTER TABLE assets ADD COLUMN scrutiny TEXT CHECK (scrutiny IN ('review', 'strict')); -- of who uploaded it
ALTER TABLE assets ADD COLUMN purged_at INTEGER;       -- its bytes are gone for good, and are not taken again
ALTER TABLE shares ADD COLUMN scan_id TEXT;
ALTER TABLE shares ADD COLUMN decided_by TEXT;
ALTER TABLE shares ADD COLUMN legal INTEGER NOT NULL DEFAULT 0 CHECK (legal IN (0, 1));
ALTER TABLE shares ADD COLUMN scrutiny TEXT CHECK (scrutiny IN ('review', 'strict'));
CREATE INDEX assets_purged ON assets (purged_at) WHERE purged_at IS NOT NULL;

-- Judges that fail for now: how many things in a row they could not judge, and, once that is called an outage, since
-- when and when somebody tries them again. A judge that answers has no row.
CREATE TABLE judge_outages (
  judge      TEXT    PRIMARY KEY,
  things     TEXT    NOT NULL,                       -- JSON: what it failed at, a few of them
  since      INTEGER NOT NULL,
  open       INTEGER NOT NULL DEFAULT 0 CHECK (open IN (0, 1)),
  probe_at   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- What judges would decide, or have decided, of things that they had decided before: by job ('rescan').
CREATE TABLE rescans (
  job        INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  kind       TEXT    NOT NULL CHECK (kind IN ('asset', 'share')),
  subject    TEXT    NOT NULL,                       -- assets.id, or shares.code
  was        TEXT    NOT NULL,
  decision   TEXT    NOT NULL,
  category   TEXT    NOT NULL,
  reasons    TEXT    NOT NULL,
  PRIMARY KEY (job, kind, subject)
) STRICT, WITHOUT ROWID;
