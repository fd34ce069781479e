-- What the tally counted of requests, once a second, as rows like those of the segments (core/store/trail.h): so that
-- they are added up like events that were told. They go once they are old (retention.events).
CREATE TABLE hit_rows (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  subject    INTEGER NOT NULL,                         -- assets.rowid_; 0: counted with the asset already
  part       INTEGER NOT NULL,                         -- shares.id or 0
  kind       INTEGER NOT NULL,                         -- model/event_kinds
  n          INTEGER NOT NULL,
  extra      TEXT
) STRICT;
