-- The end of a share is an event: caches are told once, also when nothing ran at that moment.
ALTER TABLE shares ADD COLUMN end_told INTEGER NOT NULL DEFAULT 0 CHECK (end_told IN (0, 1));
CREATE INDEX shares_to_end ON shares (expires_at) WHERE expires_at IS NOT NULL AND end_told = 0;
