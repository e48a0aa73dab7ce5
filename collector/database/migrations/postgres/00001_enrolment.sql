-- Who takes part: authorities, schools, what is asked of them, and the agents
-- that speak for them. Times are microseconds since 1970 UTC.

-- +goose Up
CREATE TABLE authorities (
    code       TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    why        TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE schools (
    school     TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    phone      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    id_key     BYTEA,
    revoked_at BIGINT
);

CREATE TABLE provisions (
    school    TEXT NOT NULL REFERENCES schools (school),
    authority TEXT NOT NULL REFERENCES authorities (code),
    datasets  TEXT NOT NULL,
    PRIMARY KEY (school, authority)
);

CREATE TABLE codes (
    school     TEXT   NOT NULL REFERENCES schools (school),
    code_id    BYTEA  NOT NULL UNIQUE,
    public_key BYTEA  NOT NULL,
    offer      BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_by    BYTEA,
    PRIMARY KEY (school, code_id)
);

CREATE TABLE agents (
    school       TEXT    NOT NULL REFERENCES schools (school),
    agent        BYTEA   NOT NULL UNIQUE,
    generation   BIGINT  NOT NULL CHECK (generation > 0),
    sign_key     BYTEA   NOT NULL,
    receive_key  BYTEA   NOT NULL,
    revocation   BYTEA   NOT NULL,
    phrase       TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'confirmed', 'superseded', 'revoked', 'ended')),
    reenrolled   BOOLEAN NOT NULL DEFAULT FALSE,
    created_at   BIGINT  NOT NULL,
    confirmed_at BIGINT,
    PRIMARY KEY (school, agent)
);

-- Statements to all agents have the empty school and an agent of 16 zero bytes.
CREATE TABLE statements (
    school     TEXT   NOT NULL,
    agent      BYTEA  NOT NULL,
    kind       TEXT   NOT NULL,
    serial     BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    issued_at  BIGINT NOT NULL,
    signed     BYTEA  NOT NULL,
    PRIMARY KEY (school, agent, kind, serial)
);

CREATE TABLE keyrings (
    epoch  BIGINT NOT NULL PRIMARY KEY,
    signed BYTEA  NOT NULL
);
