-- What a pair remembers. One row a node: S, and R and L only where they differ from S.
CREATE TABLE node (
    key INTEGER PRIMARY KEY,
    -- The server's id and the revision of the state in R.
    id INTEGER,
    placement INTEGER,
    version INTEGER,
    -- S: null where the node is not in it. Name key beside the state, for lookups.
    s_parent INTEGER,
    s_name TEXT,
    s BLOB,
    -- R: mode 0 as S, 1 its own state, 2 absent.
    r_mode INTEGER NOT NULL,
    r_parent INTEGER,
    r_name TEXT,
    r BLOB,
    -- L: likewise.
    l_mode INTEGER NOT NULL,
    l_parent INTEGER,
    l_name TEXT,
    l BLOB,
    -- How it looked on the disk: handle, and the rest of the fingerprint.
    handle BLOB,
    disk BLOB,
    frozen INTEGER NOT NULL,
    reason INTEGER,
    dirty INTEGER NOT NULL
);
CREATE INDEX node_s ON node (s_parent, s_name) WHERE s_parent IS NOT NULL;
CREATE INDEX node_r ON node (r_parent, r_name) WHERE r_parent IS NOT NULL;
CREATE INDEX node_l ON node (l_parent, l_name) WHERE l_parent IS NOT NULL;
CREATE INDEX node_id ON node (id) WHERE id IS NOT NULL;
CREATE INDEX node_handle ON node (handle) WHERE handle IS NOT NULL;
CREATE INDEX node_dirty ON node (key) WHERE dirty = 1;
CREATE INDEX node_frozen ON node (key) WHERE frozen = 1;

-- Changes of a pull whose last part has not come yet.
CREATE TABLE staged (
    id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    node BLOB NOT NULL
);

-- Commits that may have reached the server.
CREATE TABLE intent (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL
);

CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- The chunks of long contents that are or were on the disk, so that they need not be cut again.
CREATE TABLE manifest (
    content BLOB PRIMARY KEY,
    used INTEGER NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- What sync did, newest last.
CREATE TABLE activity (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    path TEXT NOT NULL,
    other TEXT
);
CREATE INDEX activity_path ON activity (path);
