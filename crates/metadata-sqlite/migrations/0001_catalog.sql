-- The versioning database. Moments are nanoseconds since 1970 in UTC; ids and numbers are 64 bits, kept as SQLite's
-- signed integers with the same bits. Nothing here is changed once released: later migrations add.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Accounts -----------------------------------------------------------------------------------------------------

CREATE TABLE user (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL,
    name_key      TEXT    NOT NULL UNIQUE,
    administrator INTEGER NOT NULL,
    disabled      INTEGER NOT NULL DEFAULT 0,
    quota_bytes   INTEGER,
    used_bytes    INTEGER NOT NULL DEFAULT 0, -- current versions in the folders it owns
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE user_group (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE membership (
    user       INTEGER NOT NULL REFERENCES user (id),
    user_group INTEGER NOT NULL REFERENCES user_group (id) ON DELETE CASCADE,
    PRIMARY KEY (user, user_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX membership_by_group ON membership (user_group);

CREATE TABLE credential (
    user       INTEGER NOT NULL REFERENCES user (id),
    kind       INTEGER NOT NULL, -- 0 password, 1 one-time, 2 passkey, 3 recovery
    label      TEXT    NOT NULL,
    secret     BLOB    NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (user, kind, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    user         INTEGER NOT NULL REFERENCES user (id),
    name         TEXT    NOT NULL,
    token_hash   BLOB    NOT NULL UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_seen_at INTEGER,
    revoked_at   INTEGER
) STRICT;
CREATE INDEX device_by_user ON device (user);

CREATE TABLE failure (
    name  TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Folders and their trees --------------------------------------------------------------------------------------

CREATE TABLE folder (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    name            TEXT    NOT NULL,
    name_key        TEXT    NOT NULL UNIQUE,
    kind            INTEGER NOT NULL, -- 0 shared, 1 home
    name_rule       INTEGER NOT NULL, -- 0 portable, 1 exact
    owner           INTEGER REFERENCES user (id),
    quota_bytes     INTEGER,
    keep_versions   INTEGER NOT NULL,
    keep_days       INTEGER,
    plain_directory BLOB,
    head_seq        INTEGER NOT NULL DEFAULT 0,
    next_node       INTEGER NOT NULL DEFAULT 2,
    used_bytes      INTEGER NOT NULL DEFAULT 0, -- current versions of living files
    nodes           INTEGER NOT NULL DEFAULT 0, -- living, without the root
    journal_floor   INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX folder_by_owner ON folder (owner);

CREATE TABLE privilege (
    folder       INTEGER NOT NULL REFERENCES folder (id),
    subject_kind INTEGER NOT NULL, -- 0 user, 1 group
    subject      INTEGER NOT NULL,
    privilege    INTEGER NOT NULL, -- 0 none, 1 read, 2 write, 3 manage
    PRIMARY KEY (folder, subject_kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX privilege_by_subject ON privilege (subject_kind, subject);

-- The newest state of every node; a removed one stays as a tombstone.
CREATE TABLE node (
    folder        INTEGER NOT NULL,
    id            INTEGER NOT NULL,
    parent        INTEGER NOT NULL, -- the root's is itself
    name          TEXT    NOT NULL,
    name_key      TEXT,             -- null only within a statement's exchange of names
    kind          INTEGER NOT NULL, -- 0 directory, 1 file, 2 link
    content       BLOB,             -- of a file
    size          INTEGER NOT NULL,
    target        BLOB,             -- of a link
    executable    INTEGER NOT NULL,
    mtime         INTEGER NOT NULL,
    version       INTEGER NOT NULL, -- number of the current version; 0 for a directory
    placement_seq INTEGER NOT NULL,
    version_seq   INTEGER NOT NULL,
    seq           INTEGER NOT NULL,
    subtree_seq   INTEGER NOT NULL,
    deleted       INTEGER NOT NULL,
    PRIMARY KEY (folder, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX node_by_name ON node (folder, parent, name_key) WHERE deleted = 0;
CREATE UNIQUE INDEX node_by_seq ON node (folder, seq) WHERE id <> 1;
CREATE INDEX node_removed ON node (folder, parent, id) WHERE deleted = 1;
CREATE INDEX node_trash ON node (folder, seq) WHERE deleted = 1;

CREATE TABLE placement (
    folder  INTEGER NOT NULL,
    node    INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    parent  INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    deleted INTEGER NOT NULL,
    user    INTEGER NOT NULL,
    device  INTEGER,
    at      INTEGER NOT NULL,
    PRIMARY KEY (folder, node, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE version (
    folder     INTEGER NOT NULL,
    node       INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    content    BLOB,             -- of a file
    size       INTEGER NOT NULL,
    target     BLOB,             -- of a link
    executable INTEGER NOT NULL,
    mtime      INTEGER NOT NULL,
    user       INTEGER NOT NULL,
    device     INTEGER,
    origin     INTEGER NOT NULL, -- 0 commit, 1 copy, 2 restore, 3 attributes of the same number
    of_number  INTEGER,          -- the version copied or brought back
    reason     TEXT,             -- pins, labels and what a person says of it
    epoch      BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (folder, node, seq)
) STRICT, WITHOUT ROWID;

-- Contents -----------------------------------------------------------------------------------------------------

-- Contents of several chunks. The manifest is 36 bytes a chunk: its id, then its length (little-endian).
CREATE TABLE content (
    id       BLOB PRIMARY KEY,
    size     INTEGER NOT NULL,
    manifest BLOB    NOT NULL
) STRICT;

CREATE TABLE chunk (
    id            BLOB    PRIMARY KEY,
    pack          INTEGER NOT NULL,
    record        INTEGER NOT NULL, -- where the record begins in the pack
    stored_length INTEGER NOT NULL,
    codec         INTEGER NOT NULL,
    checksum      INTEGER NOT NULL,
    plain_length  INTEGER NOT NULL, -- of the record
    start         INTEGER NOT NULL, -- of the chunk in the record
    length        INTEGER NOT NULL, -- of the chunk
    folder        INTEGER           -- where a version first named it as its only chunk; null again once none there does
) STRICT, WITHOUT ROWID;

CREATE TABLE folder_chunk (
    folder INTEGER NOT NULL,
    chunk  BLOB    NOT NULL,
    PRIMARY KEY (folder, chunk)
) STRICT, WITHOUT ROWID;

CREATE TABLE pack (
    id         INTEGER PRIMARY KEY,
    chunks     INTEGER NOT NULL,
    live_bytes INTEGER NOT NULL,
    state      INTEGER NOT NULL DEFAULT 0 -- 0 in use, 1 condemned
) STRICT;

-- Uploads, answers, log ----------------------------------------------------------------------------------------

CREATE TABLE upload (
    id         BLOB    PRIMARY KEY,
    folder     INTEGER NOT NULL,
    user       INTEGER NOT NULL,
    device     INTEGER,
    node       INTEGER,
    base       INTEGER,
    size       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_by_folder ON upload (folder, user);
CREATE INDEX upload_by_end ON upload (expires_at);

CREATE TABLE upload_chunk (
    upload BLOB NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
    chunk  BLOB NOT NULL,
    PRIMARY KEY (upload, chunk)
) STRICT, WITHOUT ROWID;

CREATE TABLE operation (
    caller_kind INTEGER NOT NULL, -- 0 device, 1 user
    caller      INTEGER NOT NULL,
    key         BLOB    NOT NULL,
    digest      BLOB    NOT NULL,
    result      BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (caller_kind, caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX operation_by_time ON operation (at);

CREATE TABLE audit (
    number   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    user     INTEGER,
    device   INTEGER,
    address  TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    folder   INTEGER,
    allowed  INTEGER NOT NULL,
    details  TEXT    NOT NULL, -- JSON: [[name, value], …]
    record   BLOB    NOT NULL, -- what the digest is made of
    previous BLOB    NOT NULL,
    digest   BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_by_user ON audit (user, number);
CREATE INDEX audit_by_folder ON audit (folder, number);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'audit rows are never changed'); END;
