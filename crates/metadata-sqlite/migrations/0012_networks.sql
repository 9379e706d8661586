-- What is reached from some networks only.
CREATE TABLE network (
    purpose INTEGER NOT NULL, -- 0 administration, 1 guests (who reach nothing but links), 2 a folder
    folder  INTEGER NOT NULL, -- 0 where it is for no folder
    network TEXT    NOT NULL,
    PRIMARY KEY (purpose, folder, network)
) STRICT, WITHOUT ROWID;

-- This too says who may do what.
CREATE TRIGGER rights_network_added AFTER INSERT ON network
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_network_removed AFTER DELETE ON network
BEGIN UPDATE rights SET generation = generation + 1; END;
