-- Who asked, as a text (flow/askers): rows of hit_rows hold its id in bits 32 and up of their kind.
CREATE TABLE askers (
  id    INTEGER PRIMARY KEY,
  text  TEXT NOT NULL UNIQUE,
  seen  INTEGER NOT NULL
) STRICT;
