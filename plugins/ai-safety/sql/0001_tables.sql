-- What was asked of the other side, by day: the budget holds across processes and restarts.
CREATE TABLE spent (
  day TEXT PRIMARY KEY,
  requests INTEGER NOT NULL
) STRICT;

-- Answers by digest of content, model and sampling: never the content itself.
CREATE TABLE answers (
  key TEXT PRIMARY KEY,
  answer TEXT NOT NULL,
  at REAL NOT NULL
) STRICT;
CREATE INDEX answers_at ON answers (at);
