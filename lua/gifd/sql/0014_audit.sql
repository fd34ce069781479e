-- What has changed, by whom: rows that are only added. Each is sealed together with the one before it (flow/audit).
CREATE TABLE audit (
  id         INTEGER PRIMARY KEY,                    -- 1, 2, 3, ... without gaps, in the order of commits
  at         INTEGER NOT NULL,
  class      TEXT    NOT NULL CHECK (class IN ('short', 'medium', 'long', 'compliance', 'indefinite')),
  expires_at INTEGER,                                -- what it says goes then; NULL: never
  action     TEXT,                                   -- "share.create"; from here to detail NULL when it has gone
  actor      TEXT,                                   -- "account:NAME", "token:ID", "judge:NAME", "system"
  kind       TEXT,
  subject    TEXT,
  asset      TEXT,                                   -- assets.id, if it is about one
  account    TEXT,                                   -- the name of whose it is
  decision   TEXT,                                   -- of a verdict
  detail     TEXT,                                   -- JSON
  digest     BLOB    NOT NULL CHECK (length(digest) = 32), -- of what it says
  mac        BLOB    NOT NULL CHECK (length(mac) = 32)     -- of the row before, and of this but for what it says
) STRICT;
CREATE INDEX audit_by_time ON audit (at) WHERE action IS NOT NULL;
CREATE INDEX audit_by_asset ON audit (asset, at) WHERE asset IS NOT NULL;
CREATE INDEX audit_by_account ON audit (account, at) WHERE account IS NOT NULL;
CREATE INDEX audit_by_actor ON audit (actor, at) WHERE actor IS NOT NULL;
CREATE INDEX audit_by_deed ON audit (actor, action, at) WHERE actor IS NOT NULL;
CREATE INDEX audit_by_action ON audit (action, at) WHERE action IS NOT NULL;
CREATE INDEX audit_to_expire ON audit (expires_at) WHERE action IS NOT NULL AND expires_at IS NOT NULL;

CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only added to');
END;
-- The one change that there is: what a row says goes when its time is over, all of it.
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
WHEN NOT (NEW.id IS OLD.id AND NEW.at IS OLD.at AND NEW.class IS OLD.class AND NEW.expires_at IS OLD.expires_at
  AND NEW.digest IS OLD.digest AND NEW.mac IS OLD.mac AND NEW.action IS NULL AND NEW.actor IS NULL
  AND NEW.kind IS NULL AND NEW.subject IS NULL AND NEW.asset IS NULL AND NEW.account IS NULL AND NEW.decision IS NULL
  AND NEW.detail IS NULL AND coalesce(OLD.expires_at <= unixepoch() * 1000000, 0))
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
WHEN NEW.id IS NOT coalesce((SELECT max(id) FROM audit), 0) + 1
BEGIN
  SELECT RAISE(ABORT, 'the audit log is only added to');
END;
