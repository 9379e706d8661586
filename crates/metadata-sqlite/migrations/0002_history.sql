-- Plain directories and moments. A version's origin may now also be 4: outside, found in the folder's plain directory.

-- The login of the server's system that is this person.
ALTER TABLE user ADD COLUMN system_user TEXT;
CREATE UNIQUE INDEX user_by_system_user ON user (system_user);

-- Up to which number a folder's journal had come at a moment. A commit made while the clock was behind an earlier
-- commit's time counts as made at that time, so that later moments never show earlier states.
CREATE TABLE moment (
    folder INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    PRIMARY KEY (folder, at)
) STRICT, WITHOUT ROWID;

-- Nodes that stood in a directory and have left it for another: with a directory's children and its removed ones, all that it
-- ever held.
CREATE TABLE departure (
    folder INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    node   INTEGER NOT NULL,
    PRIMARY KEY (folder, parent, node)
) STRICT, WITHOUT ROWID;

INSERT INTO departure (folder, parent, node)
    SELECT DISTINCT p.folder, p.parent, p.node
    FROM placement p JOIN node n ON n.folder = p.folder AND n.id = p.node WHERE n.parent <> p.parent;

INSERT INTO moment (folder, at, seq)
    SELECT folder, latest, max(seq) FROM (
        SELECT folder, seq, max(at) OVER (PARTITION BY folder ORDER BY seq) AS latest FROM (
            SELECT folder, seq, at FROM placement UNION ALL SELECT folder, seq, at FROM version))
    GROUP BY folder, latest;
