-- People: what each may do, for whom and until when, and how they prove who they
-- are. Who saw one authority before is its administrator; who saw all is an operator.

-- +goose Up
ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'administrator' CHECK (role IN ('administrator', 'caller', 'viewer', 'caseload', 'operator', 'school'));
ALTER TABLE users ADD COLUMN school TEXT REFERENCES schools (school);
ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN until_at BIGINT;
ALTER TABLE users ADD COLUMN password_new TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN totp BYTEA;
ALTER TABLE users ADD COLUMN totp_new BYTEA;
ALTER TABLE users ADD COLUMN totp_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN subject TEXT UNIQUE;
ALTER TABLE users ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN invited_by TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN signed_in_at BIGINT;
ALTER TABLE users ADD COLUMN reviewed_at BIGINT;
ALTER TABLE users ADD COLUMN reviewed_by TEXT NOT NULL DEFAULT '';

CREATE TABLE user_authorities (
    user_id   TEXT NOT NULL REFERENCES users (id),
    authority TEXT NOT NULL REFERENCES authorities (code),
    PRIMARY KEY (user_id, authority)
);

INSERT INTO user_authorities (user_id, authority) SELECT id, authority FROM users WHERE authority IS NOT NULL;

UPDATE users SET role = 'operator' WHERE authority IS NULL;

ALTER TABLE users DROP COLUMN authority, ALTER COLUMN role DROP DEFAULT;

-- Recovery codes in place of the second factor, each good once.
CREATE TABLE user_recovery (
    user_id TEXT   NOT NULL REFERENCES users (id),
    code    BYTEA NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (user_id, code)
);

-- The children whom a person with a caseload may see.
CREATE TABLE caseload (
    school   TEXT   NOT NULL REFERENCES schools (school),
    pupil    TEXT   NOT NULL,
    user_id  TEXT   NOT NULL REFERENCES users (id),
    added_at BIGINT NOT NULL,
    PRIMARY KEY (school, pupil, user_id)
);

CREATE INDEX caseload_user ON caseload (user_id);

-- Whatever is done to a school asks whether people belong to it.
CREATE INDEX users_school ON users (school) WHERE school IS NOT NULL;
