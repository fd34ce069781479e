-- What was decided of a thing because it is nearly the same picture as another: that one's scan_id, so that both are
-- taken back together.
ALTER TABLE decisions ADD COLUMN cause TEXT;
CREATE INDEX decisions_by_cause ON decisions (cause) WHERE cause IS NOT NULL;
