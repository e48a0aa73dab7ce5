-- Staff who sign in to the portal.

-- +goose Up
CREATE TABLE users (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    password       TEXT    NOT NULL,
    must_change    BOOLEAN NOT NULL DEFAULT FALSE,
    one_time_until BIGINT,
    authority      TEXT REFERENCES authorities (code),
    created_at     BIGINT  NOT NULL,
    disabled_at    BIGINT
);

CREATE TABLE sessions (
    token  TEXT   NOT NULL PRIMARY KEY,
    data   BYTEA  NOT NULL,
    expiry BIGINT NOT NULL
);

CREATE INDEX sessions_expiry ON sessions (expiry);
