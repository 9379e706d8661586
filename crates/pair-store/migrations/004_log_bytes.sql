-- The bytes of all lines up to this one, so that the log is bounded by its size, too. Lines of before count as none.
ALTER TABLE activity ADD COLUMN upto INTEGER NOT NULL DEFAULT 0;
CREATE INDEX activity_upto ON activity (upto);
