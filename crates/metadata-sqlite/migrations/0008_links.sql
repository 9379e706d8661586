-- Links: addresses by which strangers reach one node. What a link may do is asked of these rows and of what its maker holds
-- anew for every request; nothing of it is remembered, so that the generation of rights has nothing to do with it.

CREATE TABLE link (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB    NOT NULL UNIQUE,
    folder     INTEGER NOT NULL REFERENCES folder (id),
    node       INTEGER NOT NULL,
    maker      INTEGER NOT NULL REFERENCES user (id),
    kind       INTEGER NOT NULL, -- 0 read, 1 drop
    label      TEXT    NOT NULL,
    password   TEXT,             -- as a PHC string
    passwords  INTEGER NOT NULL DEFAULT 0, -- how many have been set, and addresses given: what was shown before counts no more
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    uses       INTEGER NOT NULL DEFAULT 0, -- files that were downloaded, or put in
    uses_max   INTEGER,
    used_at    INTEGER,
    revoked_at INTEGER,
    revision   INTEGER NOT NULL DEFAULT 1  -- grows with what people change
) STRICT;
CREATE INDEX link_by_folder ON link (folder, id) WHERE revoked_at IS NULL;
CREATE INDEX link_by_maker ON link (maker, id) WHERE revoked_at IS NULL;

-- Who has begun to download what, for a day: going on with it counts no second time.
CREATE TABLE link_download (
    link    INTEGER NOT NULL,
    visitor TEXT    NOT NULL, -- the network address
    content BLOB    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (link, visitor, content)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_download_by_time ON link_download (at);

-- What administrators say of all links.
CREATE TABLE link_policy (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    allowed           INTEGER NOT NULL,
    least             INTEGER NOT NULL, -- the privilege that somebody must hold to make links: 1 read, 2 write, 3 manage
    password_required INTEGER NOT NULL,
    days_max          INTEGER           -- the longest that a link lasts
) STRICT;
INSERT INTO link_policy (one, allowed, least, password_required, days_max) VALUES (1, 1, 2, 0, NULL);
