-- The order that a device remove its copies: who gave it (NULL: whoever holds the data directory) and when; when the device
-- said that it is carried out, how much it removed, and how many files it kept since the server does not have them. The device
-- is unlinked with the order, so no right changes by any of this, and no generation grows.
ALTER TABLE device ADD COLUMN wipe_ordered_at INTEGER;
ALTER TABLE device ADD COLUMN wipe_ordered_by INTEGER;
ALTER TABLE device ADD COLUMN wiped_at        INTEGER;
ALTER TABLE device ADD COLUMN wipe_removed    INTEGER;
ALTER TABLE device ADD COLUMN wipe_kept       INTEGER;
