-- The job service for everything: owners, progress, logs, dependencies, crashes, and what is over.
ALTER TABLE jobs DROP COLUMN progress;
ALTER TABLE jobs ADD COLUMN account_id INTEGER;                   -- whose it is; NULL: the server's
ALTER TABLE jobs ADD COLUMN percent INTEGER NOT NULL DEFAULT 0;   -- 0 to 100, of the attempt under way
ALTER TABLE jobs ADD COLUMN message TEXT;                         -- what it says of itself
ALTER TABLE jobs ADD COLUMN log TEXT;                             -- the last 8 KiB
ALTER TABLE jobs ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;     -- for so many jobs of job_needs
ALTER TABLE jobs ADD COLUMN doomed TEXT;                          -- why it has failed before it was run
ALTER TABLE jobs ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;   -- media processes that it has ended
ALTER TABLE jobs ADD COLUMN watched INTEGER NOT NULL DEFAULT 0;   -- somebody listens: changes are published
ALTER TABLE jobs ADD COLUMN started_at INTEGER;                   -- of the last attempt
ALTER TABLE jobs ADD COLUMN ended_at INTEGER;
UPDATE jobs SET priority = max(-1, min(2, priority));
UPDATE jobs SET ended_at = updated_at WHERE state IN ('completed', 'failed', 'cancelled');

DROP INDEX jobs_to_run;
CREATE INDEX jobs_to_run ON jobs (lane, priority DESC, run_after, id, plugin, name) WHERE state = 'pending' AND waits = 0;
DROP INDEX jobs_of_plugin;
CREATE INDEX jobs_of_plugin ON jobs (plugin) WHERE state IN ('pending', 'running', 'parked');
CREATE INDEX jobs_of_account ON jobs (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX jobs_over ON jobs (ended_at) WHERE ended_at IS NOT NULL;

-- Which jobs a pending one waits for; rows go when the needed one is over.
CREATE TABLE job_needs (
  needs      INTEGER NOT NULL,
  job        INTEGER NOT NULL,
  PRIMARY KEY (needs, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_needs_by_job ON job_needs (job);

-- Completed: one less to wait for. Failed or cancelled: whoever waits is due at once, doomed, and the runner fails it,
-- which comes back here for those that wait for that one.
CREATE TRIGGER jobs_needed AFTER UPDATE OF state ON jobs
WHEN NEW.state IN ('completed', 'failed', 'cancelled') AND EXISTS (SELECT 1 FROM job_needs WHERE needs = NEW.id)
BEGIN
  UPDATE jobs SET
    waits = CASE NEW.state WHEN 'completed' THEN waits - 1 ELSE 0 END,
    doomed = CASE NEW.state WHEN 'completed' THEN doomed
             ELSE 'job ' || NEW.id || CASE NEW.state WHEN 'failed' THEN ' has failed' ELSE ' was cancelled' END END
  WHERE waits > 0 AND id IN (SELECT job FROM job_needs WHERE needs = NEW.id);
  DELETE FROM job_needs WHERE needs = NEW.id;
END;
CREATE TRIGGER jobs_gone AFTER DELETE ON jobs
BEGIN
  DELETE FROM job_needs WHERE job = OLD.id;
END;
