-- What waits for people: the queue of reviewers with their claims, appeals, and counts of what was judged. Triggers
-- keep all of it in the transaction of whatever changes, so that nothing else has to remember to.

CREATE TABLE review_queue (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  kind       TEXT    NOT NULL CHECK (kind IN ('asset', 'share')),
  subject    TEXT    NOT NULL,                       -- as decisions.subject
  state      TEXT    NOT NULL CHECK (state IN ('pending', 'flagged', 'escalated', 'appealed', 'quarantined')),
  category   TEXT    NOT NULL,
  rank       INTEGER NOT NULL,                       -- 100 less its risk: what comes first is less
  since      INTEGER NOT NULL,
  passed_by  TEXT,                                   -- who has handed it on to somebody else: as decisions.actor
  passed_holder TEXT,                                -- and who that is exactly: as claim_holder
  claim      TEXT,
  claim_holder TEXT,                                 -- 'token:ID', or 'account:NAME' of whoever has signed in
  claimed_by TEXT,                                   -- the name of the account
  claimed_until INTEGER,
  UNIQUE (kind, subject)
) STRICT;
-- Each of its combinations is read by itself and the first of all are merged (model/review), whatever there is much of.
CREATE INDEX review_queue_order ON review_queue (state, category, kind, rank, since, id);

-- How bad it may be, by what it is said to be; the surer, the worse.
CREATE TABLE review_risks (category TEXT PRIMARY KEY, risk INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO review_risks VALUES ('illegal', 90), ('hate_speech', 70), ('graphic_violence', 65), ('nsfw', 60),
  ('unknown', 40), ('spam', 20), ('safe', 5);

CREATE TRIGGER review_decided AFTER INSERT ON decisions
BEGIN
  DELETE FROM review_queue WHERE kind = NEW.kind AND subject = NEW.subject AND NEW.decision IN ('approved', 'rejected');
  INSERT INTO review_queue (kind, subject, state, category, rank, since)
    SELECT NEW.kind, NEW.subject, NEW.decision, NEW.category,
      100 - coalesce((SELECT risk FROM review_risks WHERE category = NEW.category), 40)
        - CAST(9 * coalesce(NEW.confidence, 0) AS INTEGER), NEW.created_at
    WHERE NEW.decision IN ('flagged', 'quarantined')
    ON CONFLICT (kind, subject) DO UPDATE SET state = excluded.state, category = excluded.category,
      rank = excluded.rank, passed_by = NULL, passed_holder = NULL, claim = NULL, claim_holder = NULL,
      claimed_by = NULL, claimed_until = NULL;
  UPDATE appeals SET state = CASE NEW.decision WHEN 'approved' THEN 'overturned' ELSE 'upheld' END,
      closed_at = NEW.created_at, closed_by = NEW.actor
    WHERE kind = NEW.kind AND subject = NEW.subject AND state = 'open'
      AND (NEW.decision = 'approved' OR NEW.decision = 'rejected' AND NEW.actor <> 'judges');
  INSERT INTO review_queue (kind, subject, state, category, rank, since)
    SELECT NEW.kind, NEW.subject, 'appealed', NEW.category, 50, min(created_at) FROM appeals
    WHERE kind = NEW.kind AND subject = NEW.subject AND state = 'open' AND NEW.decision = 'rejected'
    HAVING count(*) > 0 ON CONFLICT (kind, subject) DO NOTHING;
  -- What of this decision judges had said before; what it takes back counts no longer.
  DELETE FROM judge_agreements WHERE scan_id = NEW.replaced;
  INSERT INTO judge_agreements (scan_id, judge, agreed)
    SELECT NEW.scan_id, v.judge, v.decision = NEW.decision FROM verdicts v
    WHERE v.id IN (SELECT max(id) FROM verdicts WHERE kind = NEW.kind AND subject = NEW.subject
        AND revision = NEW.revision AND decision <> 'failed' GROUP BY judge)
      AND v.decision IN ('approved', 'rejected') AND NEW.decision IN ('approved', 'rejected')
      AND NEW.actor <> 'judges' AND NEW.undoes IS NULL;
END;

-- Judges have looked and it is pending yet: they fail, are slow, or nobody but a person is to look (unseen).
CREATE TRIGGER review_asset_waits AFTER UPDATE OF verdict ON assets WHEN NEW.verdict = 'pending'
BEGIN
  INSERT INTO review_queue (kind, subject, state, category, rank, since)
    VALUES ('asset', NEW.id, 'pending', 'unknown', 60, NEW.updated_at)
    ON CONFLICT (kind, subject) DO UPDATE SET state = 'pending', category = 'unknown', rank = 60
      WHERE state <> 'pending';
END;
CREATE TRIGGER review_share_waits AFTER UPDATE OF verdict ON shares WHEN NEW.verdict = 'pending'
BEGIN
  INSERT INTO review_queue (kind, subject, state, category, rank, since)
    VALUES ('share', CAST(NEW.id AS TEXT), 'pending', 'unknown', 60, NEW.updated_at)
    ON CONFLICT (kind, subject) DO UPDATE SET state = 'pending', category = 'unknown', rank = 60
      WHERE state <> 'pending';
END;

-- What owners have to say against a decision: once for each share.
CREATE TABLE appeals (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  share_id   INTEGER NOT NULL UNIQUE,
  kind       TEXT    NOT NULL CHECK (kind IN ('asset', 'share')), -- what was refused: the share or its asset
  subject    TEXT    NOT NULL,
  scan_id    TEXT,                                   -- of the decision
  text       TEXT    NOT NULL,
  state      TEXT    NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'upheld', 'overturned')), -- the decision
  closed_by  TEXT,
  closed_at  INTEGER,
  created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX appeals_by_subject ON appeals (kind, subject);
CREATE INDEX appeals_by_state ON appeals (state, id);

CREATE TRIGGER review_appealed AFTER INSERT ON appeals
BEGIN
  INSERT INTO review_queue (kind, subject, state, category, rank, since)
    SELECT NEW.kind, NEW.subject, 'appealed', d.category, 50, NEW.created_at
    FROM (SELECT coalesce((SELECT category FROM decisions WHERE scan_id = NEW.scan_id), 'unknown') AS category) d
    WHERE true ON CONFLICT (kind, subject) DO NOTHING;
END;
CREATE TRIGGER review_appeal_closed AFTER UPDATE OF state ON appeals WHEN NEW.state <> 'open'
BEGIN
  DELETE FROM review_queue WHERE kind = NEW.kind AND subject = NEW.subject AND state = 'appealed'
    AND NOT EXISTS (SELECT 1 FROM appeals WHERE kind = NEW.kind AND subject = NEW.subject AND state = 'open');
END;

CREATE TRIGGER review_asset_gone AFTER DELETE ON assets
BEGIN
  DELETE FROM review_queue WHERE kind = 'asset' AND subject = OLD.id;
END;
CREATE TRIGGER review_share_gone AFTER DELETE ON shares
BEGIN
  UPDATE appeals SET state = 'upheld', closed_by = 'system', closed_at = unixepoch() * 1000000
    WHERE share_id = OLD.id AND state = 'open';
  DELETE FROM appeals WHERE share_id = OLD.id;
  DELETE FROM review_queue WHERE kind = 'share' AND subject = CAST(OLD.id AS TEXT);
END;

-- How many things stand how.
CREATE TABLE verdict_counts (
  kind       TEXT    NOT NULL,
  verdict    TEXT    NOT NULL,
  n          INTEGER NOT NULL,
  PRIMARY KEY (kind, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO verdict_counts SELECT k.value, v.value, 0 FROM json_each('["asset","share"]') k,
  json_each('["pending","approved","flagged","rejected","quarantined"]') v;
UPDATE verdict_counts SET n = (SELECT count(*) FROM assets a WHERE a.verdict = verdict_counts.verdict)
  WHERE kind = 'asset';
UPDATE verdict_counts SET n = (SELECT count(*) FROM shares s WHERE s.verdict = verdict_counts.verdict)
  WHERE kind = 'share';

CREATE TRIGGER count_asset_new AFTER INSERT ON assets
BEGIN
  UPDATE verdict_counts SET n = n + 1 WHERE kind = 'asset' AND verdict = NEW.verdict;
END;
CREATE TRIGGER count_asset_changed AFTER UPDATE OF verdict ON assets WHEN NEW.verdict <> OLD.verdict
BEGIN
  UPDATE verdict_counts SET n = n - 1 WHERE kind = 'asset' AND verdict = OLD.verdict;
  UPDATE verdict_counts SET n = n + 1 WHERE kind = 'asset' AND verdict = NEW.verdict;
END;
CREATE TRIGGER count_asset_gone AFTER DELETE ON assets
BEGIN
  UPDATE verdict_counts SET n = n - 1 WHERE kind = 'asset' AND verdict = OLD.verdict;
END;
CREATE TRIGGER count_share_new AFTER INSERT ON shares
BEGIN
  UPDATE verdict_counts SET n = n + 1 WHERE kind = 'share' AND verdict = NEW.verdict;
END;
CREATE TRIGGER count_share_changed AFTER UPDATE OF verdict ON shares WHEN NEW.verdict <> OLD.verdict
BEGIN
  UPDATE verdict_counts SET n = n - 1 WHERE kind = 'share' AND verdict = OLD.verdict;
  UPDATE verdict_counts SET n = n + 1 WHERE kind = 'share' AND verdict = NEW.verdict;
END;
CREATE TRIGGER count_share_gone AFTER DELETE ON shares
BEGIN
  UPDATE verdict_counts SET n = n - 1 WHERE kind = 'share' AND verdict = OLD.verdict;
END;

-- What each judge has said so often, and how often people thought the same of what it approved or rejected.
CREATE TABLE judge_counts (
  judge      TEXT    PRIMARY KEY,
  approved   INTEGER NOT NULL DEFAULT 0,
  flagged    INTEGER NOT NULL DEFAULT 0,
  rejected   INTEGER NOT NULL DEFAULT 0,
  failed     INTEGER NOT NULL DEFAULT 0,
  compared   INTEGER NOT NULL DEFAULT 0,
  agreed     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO judge_counts (judge, approved, flagged, rejected, failed)
  SELECT judge, sum(decision = 'approved'), sum(decision IN ('flagged', 'quarantined')),
    sum(decision = 'rejected'), sum(decision = 'failed') FROM verdicts GROUP BY judge;
CREATE TRIGGER count_ballot AFTER INSERT ON verdicts
BEGIN
  INSERT INTO judge_counts (judge) VALUES (NEW.judge) ON CONFLICT DO NOTHING;
  UPDATE judge_counts SET approved = approved + (NEW.decision = 'approved'),
    flagged = flagged + (NEW.decision IN ('flagged', 'quarantined')), rejected = rejected + (NEW.decision = 'rejected'),
    failed = failed + (NEW.decision = 'failed') WHERE judge = NEW.judge;
END;

CREATE TABLE judge_agreements (
  scan_id    TEXT    NOT NULL,                       -- of a person's decision that stands
  judge      TEXT    NOT NULL,
  agreed     INTEGER NOT NULL CHECK (agreed IN (0, 1)),
  PRIMARY KEY (scan_id, judge)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER count_agreement AFTER INSERT ON judge_agreements
BEGIN
  UPDATE judge_counts SET compared = compared + 1, agreed = agreed + NEW.agreed WHERE judge = NEW.judge;
END;
CREATE TRIGGER count_agreement_gone AFTER DELETE ON judge_agreements
BEGIN
  UPDATE judge_counts SET compared = compared - 1, agreed = agreed - OLD.agreed WHERE judge = OLD.judge;
END;

-- What waited before there was a queue.
INSERT INTO review_queue (kind, subject, state, category, rank, since)
  SELECT 'asset', a.id, a.verdict, coalesce(d.category, 'unknown'),
    100 - coalesce((SELECT risk FROM review_risks r WHERE r.category = d.category), 40), a.updated_at
  FROM assets a LEFT JOIN decisions d ON d.scan_id = a.scan_id
  WHERE a.verdict IN ('pending', 'flagged', 'quarantined');
INSERT INTO review_queue (kind, subject, state, category, rank, since)
  SELECT 'share', CAST(s.id AS TEXT), s.verdict, coalesce(d.category, 'unknown'),
    100 - coalesce((SELECT risk FROM review_risks r WHERE r.category = d.category), 40), s.updated_at
  FROM shares s LEFT JOIN decisions d ON d.scan_id = s.scan_id
  WHERE s.verdict IN ('pending', 'flagged', 'quarantined');
