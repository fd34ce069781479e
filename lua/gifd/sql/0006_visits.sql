-- Shares that may be visited only so often: how often, and what is left of it. Both are NULL where there is no limit.
ALTER TABLE shares ADD COLUMN max_visits INTEGER CHECK (max_visits BETWEEN 1 AND 1000000);
ALTER TABLE shares ADD COLUMN visits_left INTEGER
  CHECK ((visits_left IS NULL) = (max_visits IS NULL) AND (visits_left IS NULL OR visits_left BETWEEN 0 AND max_visits));
