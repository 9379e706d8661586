-- Which state of everybody's rights this is. What was read of them at one generation holds as long as that generation
-- lasts, whoever changes them and through whatever connection. What is merely new (an account, a device, a folder)
-- changes nothing that could have been read before.
CREATE TABLE rights (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    generation INTEGER NOT NULL
) STRICT;
INSERT INTO rights (one, generation) VALUES (1, 1);

CREATE TRIGGER rights_user_changed
AFTER UPDATE OF id, administrator, disabled, upload_rate, download_rate ON user
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_user_removed AFTER DELETE ON user
BEGIN UPDATE rights SET generation = generation + 1; END;

CREATE TRIGGER rights_device_changed AFTER UPDATE OF id, user, token_hash, expires_at, revoked_at ON device
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_device_removed AFTER DELETE ON device
BEGIN UPDATE rights SET generation = generation + 1; END;

CREATE TRIGGER rights_member_added AFTER INSERT ON membership
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_member_changed AFTER UPDATE ON membership
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_member_removed AFTER DELETE ON membership
BEGIN UPDATE rights SET generation = generation + 1; END;

CREATE TRIGGER rights_granted AFTER INSERT ON privilege
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_changed AFTER UPDATE ON privilege
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_taken AFTER DELETE ON privilege
BEGIN UPDATE rights SET generation = generation + 1; END;
