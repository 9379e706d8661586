-- What each folder took, day by day.

CREATE TABLE growth (
    folder        INTEGER NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
    day           INTEGER NOT NULL, -- since 1970-01-01, UTC
    at            INTEGER NOT NULL, -- of the day's last count
    head_seq      INTEGER NOT NULL,
    current_bytes INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL,
    trash_bytes   INTEGER NOT NULL,
    versions      INTEGER NOT NULL,
    PRIMARY KEY (folder, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX growth_by_day ON growth (day);
