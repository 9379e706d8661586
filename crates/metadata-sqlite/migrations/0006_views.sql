-- What of folders devices want.

CREATE TABLE view (
    folder   INTEGER NOT NULL REFERENCES folder (id),
    id       BLOB    NOT NULL, -- the hash of the spelling
    user     INTEGER NOT NULL, -- who asked for it last
    device   INTEGER,
    spelling BLOB    NOT NULL,
    used_at  INTEGER NOT NULL,
    PRIMARY KEY (folder, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX view_by_device ON view (folder, user, device);
CREATE INDEX view_by_use ON view (used_at);
