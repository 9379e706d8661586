-- Signing in: what kind of token a device's row stands for, what an app password is limited to, passkeys.

ALTER TABLE device ADD COLUMN kind INTEGER NOT NULL DEFAULT 0; -- 0 device, 1 session of a browser, 2 app password
-- Until now nothing but sessions ended by itself.
UPDATE device SET kind = 1 WHERE expires_at IS NOT NULL;

-- An app password without a row here reaches nothing.
CREATE TABLE app_password (
    device       INTEGER PRIMARY KEY REFERENCES device (id),
    privilege    INTEGER NOT NULL, -- the most it gives, whatever the account holds
    every_folder INTEGER NOT NULL  -- 1: every folder of the account; 0: those in app_folder
) STRICT;

CREATE TABLE app_folder (
    device INTEGER NOT NULL REFERENCES device (id),
    folder INTEGER NOT NULL,
    PRIMARY KEY (device, folder)
) STRICT, WITHOUT ROWID;

CREATE TABLE passkey (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    user          INTEGER NOT NULL REFERENCES user (id),
    credential_id BLOB    NOT NULL UNIQUE,
    handle        BLOB    NOT NULL, -- random, one an account: what the passkey knows its owner by
    host          TEXT    NOT NULL, -- the name of the server that it is for
    name          TEXT    NOT NULL,
    public_key    BLOB    NOT NULL, -- with its counter
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;
CREATE INDEX passkey_by_user ON passkey (user);

-- These too say who may do what.
CREATE TRIGGER rights_device_kind AFTER UPDATE OF kind ON device
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_app_changed AFTER UPDATE ON app_password
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_app_removed AFTER DELETE ON app_password
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_app_folder_removed AFTER DELETE ON app_folder
BEGIN UPDATE rights SET generation = generation + 1; END;
-- Kind 1: the second factor, without which an administrator may be none.
CREATE TRIGGER rights_factor_added AFTER INSERT ON credential WHEN new.kind = 1
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_factor_removed AFTER DELETE ON credential WHEN old.kind = 1
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_factor_wanted AFTER INSERT ON setting WHEN new.name = 'second_factor_for_administrators'
BEGIN UPDATE rights SET generation = generation + 1; END;
CREATE TRIGGER rights_factor_wanted_changed AFTER UPDATE ON setting WHEN new.name = 'second_factor_for_administrators'
BEGIN UPDATE rights SET generation = generation + 1; END;
