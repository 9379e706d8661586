-- What is kept for how long.

-- The first number after a row's own from which it answers for another row that is gone.
ALTER TABLE version ADD COLUMN thinned_from INTEGER;
-- A tombstone whose versions are gone.
ALTER TABLE node ADD COLUMN purged INTEGER NOT NULL DEFAULT 0;

CREATE TABLE retention (
    folder        INTEGER PRIMARY KEY REFERENCES folder (id),
    safe_days     INTEGER NOT NULL,
    queued_to     INTEGER NOT NULL, -- changed nodes up to here have been queued
    watched_to    INTEGER NOT NULL, -- mass changes up to here have been looked for
    covered_since INTEGER NOT NULL  -- of what was before, something is gone
) STRICT;

CREATE TABLE retention_due (
    folder INTEGER NOT NULL,
    node   INTEGER NOT NULL,
    at     INTEGER NOT NULL, -- when it is to be looked at
    PRIMARY KEY (folder, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX retention_due_by_time ON retention_due (folder, at);

CREATE TABLE pin (
    folder INTEGER NOT NULL,
    node   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    label  TEXT,
    user   INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (folder, node, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE mass_change (
    folder          INTEGER NOT NULL,
    begins          INTEGER NOT NULL, -- the hour
    user            INTEGER NOT NULL,
    device          INTEGER NOT NULL, -- -1: none
    nodes           INTEGER NOT NULL,
    removed         INTEGER NOT NULL,
    first_seq       INTEGER NOT NULL,
    last_seq        INTEGER NOT NULL,
    first_at        INTEGER NOT NULL,
    last_at         INTEGER NOT NULL,
    acknowledged_at INTEGER,
    PRIMARY KEY (folder, begins, user, device)
) STRICT, WITHOUT ROWID;
