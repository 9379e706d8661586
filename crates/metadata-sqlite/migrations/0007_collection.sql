-- Collection: what nothing names any more waits here, and goes when its time is over unless it is wanted again.
CREATE TABLE condemned (
    id     BLOB    NOT NULL, -- of a chunk or content
    claim  INTEGER NOT NULL, -- 0 a folder's holding of a chunk, 1 a chunk's folder, 2 a manifest, 3 a chunk
    folder INTEGER NOT NULL, -- 0 where it is about no folder
    at     INTEGER NOT NULL,
    PRIMARY KEY (id, claim, folder)
) STRICT, WITHOUT ROWID;
CREATE INDEX condemned_by_time ON condemned (at, id, claim, folder);
CREATE INDEX chunk_by_pack ON chunk (pack);
CREATE INDEX upload_chunk_by_chunk ON upload_chunk (chunk);
-- Since when nothing lies in a pack; its state is 1 then.
ALTER TABLE pack ADD COLUMN condemned_at INTEGER;
