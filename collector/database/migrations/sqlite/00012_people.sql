-- People: what each may do, for whom and until when, and how they prove who they
-- are. Who saw one authority before is its administrator; who saw all is an operator.

-- +goose Up
CREATE TABLE people (
    id             TEXT    NOT NULL PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE,
    password       TEXT    NOT NULL,
    must_change    BOOLEAN NOT NULL DEFAULT FALSE,
    one_time_until INTEGER,
    created_at     INTEGER NOT NULL,
    disabled_at    INTEGER,
    role           TEXT    NOT NULL CHECK (role IN ('administrator', 'caller', 'viewer', 'caseload', 'operator', 'school')),
    school         TEXT REFERENCES schools (school),
    email          TEXT    NOT NULL DEFAULT '',
    language       TEXT    NOT NULL DEFAULT '',
    until_at       INTEGER,
    password_new   TEXT    NOT NULL DEFAULT '',
    totp           BLOB,
    totp_new       BLOB,
    totp_step      INTEGER NOT NULL DEFAULT 0,
    subject        TEXT UNIQUE,
    ended          INTEGER NOT NULL DEFAULT 0,
    invited_by     TEXT    NOT NULL DEFAULT '',
    signed_in_at   INTEGER,
    reviewed_at    INTEGER,
    reviewed_by    TEXT    NOT NULL DEFAULT ''
);

INSERT INTO people (id, name, password, must_change, one_time_until, created_at, disabled_at, role)
SELECT id, name, password, must_change, one_time_until, created_at, disabled_at,
    CASE WHEN authority IS NULL THEN 'operator' ELSE 'administrator' END FROM users;

CREATE TABLE authority_of AS SELECT id, authority FROM users WHERE authority IS NOT NULL;

DROP TABLE users;

ALTER TABLE people RENAME TO users;

CREATE TABLE user_authorities (
    user_id   TEXT NOT NULL REFERENCES users (id),
    authority TEXT NOT NULL REFERENCES authorities (code),
    PRIMARY KEY (user_id, authority)
);

INSERT INTO user_authorities (user_id, authority) SELECT id, authority FROM authority_of;

DROP TABLE authority_of;

-- Recovery codes in place of the second factor, each good once.
CREATE TABLE user_recovery (
    user_id TEXT   NOT NULL REFERENCES users (id),
    code    BLOB NOT NULL,
    used_at INTEGER,
    PRIMARY KEY (user_id, code)
);

-- The children whom a person with a caseload may see.
CREATE TABLE caseload (
    school   TEXT   NOT NULL REFERENCES schools (school),
    pupil    TEXT   NOT NULL,
    user_id  TEXT   NOT NULL REFERENCES users (id),
    added_at INTEGER NOT NULL,
    PRIMARY KEY (school, pupil, user_id)
);

CREATE INDEX caseload_user ON caseload (user_id);

-- Whatever is done to a school asks whether people belong to it.
CREATE INDEX users_school ON users (school) WHERE school IS NOT NULL;
