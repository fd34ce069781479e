-- The catalogue: who may, what bytes there are, who shared them, what was made of them, and the work that is still to do.
-- Times are integer microseconds since 1970. Secrets are kept only as SHA-256 in hex. Rows of `audit` kind (verdicts) are
-- only added.

CREATE TABLE accounts (
  id         INTEGER PRIMARY KEY,
  name       TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 64),
  scopes     TEXT    NOT NULL,                       -- of its sessions: words separated by one space
  state      TEXT    NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'disabled')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
  id         INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  name       TEXT    NOT NULL DEFAULT '',
  hash       TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
  scopes     TEXT    NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_by_account ON tokens (account_id);

CREATE TABLE sessions (
  id         INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  hash       TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
  expires_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE signin_links (
  id         INTEGER PRIMARY KEY,
  account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  hash       TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
  expires_at INTEGER NOT NULL,
  used_at    INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX signin_links_by_expiry ON signin_links (expires_at);

CREATE TABLE assets (
  rowid_     INTEGER PRIMARY KEY,
  id         TEXT    NOT NULL UNIQUE CHECK (length(id) BETWEEN 16 AND 64),
  digest     TEXT    NOT NULL UNIQUE CHECK (length(digest) = 64),
  type       TEXT    NOT NULL,
  bytes      INTEGER NOT NULL CHECK (bytes > 0),
  width      INTEGER NOT NULL,
  height     INTEGER NOT NULL,
  frames     INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  loop       INTEGER NOT NULL,                       -- 0 for ever, -1 the format does not say
  has_alpha  INTEGER NOT NULL CHECK (has_alpha IN (0, 1)),
  has_audio  INTEGER NOT NULL CHECK (has_audio IN (0, 1)),
  truncated  INTEGER NOT NULL CHECK (truncated IN (0, 1)),
  media      TEXT    NOT NULL CHECK (media IN ('new', 'probed', 'rendering', 'ready', 'failed')),
  media_reason TEXT,                                 -- why failed: 'bad_media', ...
  verdict    TEXT    NOT NULL CHECK (verdict IN ('pending', 'approved', 'flagged', 'rejected', 'quarantined')),
  reasons    TEXT    NOT NULL DEFAULT '[]',          -- JSON array of texts
  trusted    INTEGER NOT NULL CHECK (trusted IN (0, 1)), -- somebody trusted vouches for these bytes
  judge_after INTEGER NOT NULL DEFAULT 0,            -- a pending verdict is sought again then
  judge_tries INTEGER NOT NULL DEFAULT 0,
  revision   INTEGER NOT NULL DEFAULT 1,             -- of what judges look at
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX assets_to_judge ON assets (judge_after) WHERE verdict = 'pending';

CREATE TABLE shares (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,      -- never reused: clicks are counted under it
  code       TEXT    NOT NULL UNIQUE CHECK (length(code) BETWEEN 2 AND 64),
  asset_id   TEXT    NOT NULL REFERENCES assets (id),
  account_id INTEGER NOT NULL REFERENCES accounts (id),
  title      TEXT    NOT NULL DEFAULT '',
  description TEXT   NOT NULL DEFAULT '',
  visibility TEXT    NOT NULL CHECK (visibility IN ('public', 'unlisted', 'private')),
  expires_at INTEGER,
  verdict    TEXT    NOT NULL CHECK (verdict IN ('pending', 'approved', 'flagged', 'rejected', 'quarantined')),
  reasons    TEXT    NOT NULL DEFAULT '[]',
  trusted    INTEGER NOT NULL CHECK (trusted IN (0, 1)),
  judge_after INTEGER NOT NULL DEFAULT 0,
  judge_tries INTEGER NOT NULL DEFAULT 0,
  revision   INTEGER NOT NULL DEFAULT 1,             -- of its words
  clicks     INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX shares_by_asset ON shares (asset_id, account_id);
CREATE INDEX shares_by_account ON shares (account_id, id);
CREATE INDEX shares_to_judge ON shares (judge_after) WHERE verdict = 'pending';

CREATE TABLE share_tags (
  share_id   INTEGER NOT NULL REFERENCES shares (id) ON DELETE CASCADE,
  position   INTEGER NOT NULL,
  tag        TEXT    NOT NULL,
  PRIMARY KEY (share_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX share_tags_by_tag ON share_tags (tag);

CREATE TABLE renditions (
  id         INTEGER PRIMARY KEY,
  asset_id   TEXT    NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  name       TEXT    NOT NULL,
  type       TEXT    NOT NULL,
  width      INTEGER NOT NULL,
  height     INTEGER NOT NULL,
  bytes      INTEGER NOT NULL,
  digest     TEXT    NOT NULL CHECK (length(digest) = 64),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (asset_id, name)
) STRICT;

CREATE TABLE verdicts (
  id         INTEGER PRIMARY KEY,
  kind       TEXT    NOT NULL CHECK (kind IN ('asset', 'share')),
  subject    TEXT    NOT NULL,                       -- assets.id, or shares.id in digits
  revision   INTEGER NOT NULL,                       -- of the subject when it was judged
  judge      TEXT    NOT NULL,                       -- plugin, 'trusted' or 'unseen'
  version    TEXT    NOT NULL,
  decision   TEXT    NOT NULL CHECK (decision IN ('approved', 'flagged', 'rejected', 'quarantined', 'failed')),
  category   TEXT,
  confidence REAL,
  reasons    TEXT    NOT NULL DEFAULT '[]',
  data       TEXT    NOT NULL DEFAULT 'null',        -- JSON evidence
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX verdicts_by_subject ON verdicts (kind, subject, id);

CREATE TABLE jobs (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT    NOT NULL,
  unique_key TEXT    UNIQUE,                         -- one job per key, in whatever state
  payload    TEXT    NOT NULL,                       -- JSON
  state      TEXT    NOT NULL CHECK (state IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'parked')),
  priority   INTEGER NOT NULL DEFAULT 0,             -- higher first
  run_after  INTEGER NOT NULL,
  attempts   INTEGER NOT NULL DEFAULT 0,
  fence      INTEGER NOT NULL DEFAULT 0,             -- raised by each lease: a late owner is refused
  lease_owner TEXT,
  lease_until INTEGER,
  error      TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((state = 'running') = (lease_until IS NOT NULL))
) STRICT;
CREATE INDEX jobs_to_run ON jobs (priority DESC, run_after, id) WHERE state = 'pending';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';

-- How much of each shared-memory counter has been written into rows, so that a fold is exact whatever dies.
CREATE TABLE tally_marks (
  epoch      TEXT    NOT NULL,
  slot       INTEGER NOT NULL,
  key        INTEGER NOT NULL,
  mark       INTEGER NOT NULL,
  PRIMARY KEY (epoch, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX tally_marks_by_key ON tally_marks (key);
