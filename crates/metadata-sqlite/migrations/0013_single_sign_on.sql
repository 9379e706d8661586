-- Whom a provider of single sign-on vouches for: the provider's issuer and its name for the person, never an address of mail or
-- a name that people choose. It says who signs in, not what anybody may do, so no generation grows.
CREATE TABLE identity (
    issuer       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    user         INTEGER NOT NULL REFERENCES user (id),
    name         TEXT    NOT NULL, -- what the provider calls the person, to be shown
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
-- An account is one person of a provider.
CREATE UNIQUE INDEX identity_by_user ON identity (user, issuer);
