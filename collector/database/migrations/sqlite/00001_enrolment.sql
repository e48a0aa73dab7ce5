-- Who takes part: authorities, schools, what is asked of them, and the agents
-- that speak for them. Times are microseconds since 1970 UTC.

-- +goose Up
CREATE TABLE authorities (
    code       TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    why        TEXT   NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE schools (
    school     TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    phone      TEXT   NOT NULL,
    created_at INTEGER NOT NULL,
    id_key     BLOB,
    revoked_at INTEGER
);

CREATE TABLE provisions (
    school    TEXT NOT NULL REFERENCES schools (school),
    authority TEXT NOT NULL REFERENCES authorities (code),
    datasets  TEXT NOT NULL,
    PRIMARY KEY (school, authority)
);

CREATE TABLE codes (
    school     TEXT   NOT NULL REFERENCES schools (school),
    code_id    BLOB  NOT NULL UNIQUE,
    public_key BLOB  NOT NULL,
    offer      BLOB  NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_by    BLOB,
    PRIMARY KEY (school, code_id)
);

CREATE TABLE agents (
    school       TEXT    NOT NULL REFERENCES schools (school),
    agent        BLOB   NOT NULL UNIQUE,
    generation   INTEGER  NOT NULL CHECK (generation > 0),
    sign_key     BLOB   NOT NULL,
    receive_key  BLOB   NOT NULL,
    revocation   BLOB   NOT NULL,
    phrase       TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'confirmed', 'superseded', 'revoked', 'ended')),
    reenrolled   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at   INTEGER  NOT NULL,
    confirmed_at INTEGER,
    PRIMARY KEY (school, agent)
);

-- Statements to all agents have the empty school and an agent of 16 zero bytes.
CREATE TABLE statements (
    school     TEXT   NOT NULL,
    agent      BLOB  NOT NULL,
    kind       TEXT   NOT NULL,
    serial     INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    issued_at  INTEGER NOT NULL,
    signed     BLOB  NOT NULL,
    PRIMARY KEY (school, agent, kind, serial)
);

CREATE TABLE keyrings (
    epoch  INTEGER NOT NULL PRIMARY KEY,
    signed BLOB  NOT NULL
);
