-- Work of plugins beside that of the product, and what hooks failed to do for a thing.

-- Lanes run side by side: renditions ('media') wait for nothing that a plugin does.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT 'media' CHECK (lane IN ('media', 'plugin'));
ALTER TABLE jobs ADD COLUMN plugin TEXT;               -- whose it is; NULL: the product's
ALTER TABLE jobs ADD COLUMN every INTEGER;             -- of a schedule, in microseconds; run_after is its next time
ALTER TABLE jobs ADD COLUMN give_up_at INTEGER;        -- not tried again after that
ALTER TABLE jobs ADD COLUMN progress TEXT;             -- JSON, of the attempt under way
ALTER TABLE jobs ADD COLUMN result TEXT;               -- JSON
DROP INDEX jobs_to_run;
CREATE INDEX jobs_to_run ON jobs (lane, priority DESC, run_after, id) WHERE state = 'pending';
CREATE INDEX jobs_of_plugin ON jobs (plugin, state) WHERE plugin IS NOT NULL;

-- A pending verdict that waits for a failing judge: until when.
ALTER TABLE assets ADD COLUMN judge_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shares ADD COLUMN judge_until INTEGER NOT NULL DEFAULT 0;

-- Steps that were skipped and listeners that failed; failed judges stand in `verdicts`.
CREATE TABLE hook_faults (
  id         INTEGER PRIMARY KEY,
  kind       TEXT    NOT NULL CHECK (kind IN ('asset', 'share')),
  subject    TEXT    NOT NULL,                         -- assets.id, or shares.id in digits
  hook       TEXT    NOT NULL,
  plugin     TEXT    NOT NULL,
  version    TEXT    NOT NULL,
  code       TEXT    NOT NULL,
  detail     TEXT    NOT NULL,                         -- for the operator
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX hook_faults_by_subject ON hook_faults (kind, subject, id);
