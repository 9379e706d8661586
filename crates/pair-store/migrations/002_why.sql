-- Why something was done, and the number of the journal under which the remote side knows it.
ALTER TABLE activity ADD COLUMN why TEXT;
ALTER TABLE activity ADD COLUMN seq INTEGER;
CREATE INDEX activity_other ON activity (other) WHERE other IS NOT NULL;
