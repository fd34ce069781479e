-- What nobody shares or names any more (model/orphan). unshared_at: since when an asset has no share that is not over.
ALTER TABLE assets ADD COLUMN unshared_at INTEGER;
CREATE INDEX assets_unshared ON assets (unshared_at) WHERE unshared_at IS NOT NULL;
CREATE INDEX renditions_by_digest ON renditions (digest);
-- The highest rowid_ that an asset which is gone had: counts lie under it in shared memory, so no other may get it.
CREATE TABLE assets_gone (highest INTEGER NOT NULL);
INSERT INTO assets_gone VALUES (0);
