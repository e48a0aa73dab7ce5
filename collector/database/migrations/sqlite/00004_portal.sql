-- Staff who sign in to the portal.

-- +goose Up
CREATE TABLE users (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    password       TEXT    NOT NULL,
    must_change    BOOLEAN NOT NULL DEFAULT FALSE,
    one_time_until INTEGER,
    authority      TEXT REFERENCES authorities (code),
    created_at     INTEGER  NOT NULL,
    disabled_at    INTEGER
);

CREATE TABLE sessions (
    token  TEXT   NOT NULL PRIMARY KEY,
    data   BLOB  NOT NULL,
    expiry INTEGER NOT NULL
);

CREATE INDEX sessions_expiry ON sessions (expiry);
