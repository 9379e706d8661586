-- Which dirty nodes are new on one side alone: 1 for dirty otherwise, 2 for new locally, 3 for new remotely.
DROP INDEX node_dirty;
UPDATE node SET dirty = CASE
    WHEN s_parent IS NULL AND frozen = 0 AND r_mode <> 1 AND l_mode = 1 THEN 2
    WHEN s_parent IS NULL AND frozen = 0 AND r_mode = 1 AND l_mode <> 1 THEN 3
    ELSE 1 END
WHERE dirty = 1;
CREATE INDEX node_dirty ON node (dirty) WHERE dirty > 0;
