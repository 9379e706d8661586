-- What a device is and where it was last seen, for those who decide about it. Neither is a right, so no generation grows.
ALTER TABLE device ADD COLUMN platform TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN address TEXT NOT NULL DEFAULT '';
-- Until now only browsers had tokens that end.
UPDATE device SET platform = 'browser' WHERE expires_at IS NOT NULL;
