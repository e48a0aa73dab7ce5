-- What people of the authorities did by telephone, and who is at it now.

-- +goose Up
-- One row for each call and each correction of one; none is ever changed. body
-- is sealed by the school's key. hidden says that the school has stopped since.
CREATE TABLE calls (
    school    TEXT    NOT NULL REFERENCES schools (school),
    call      TEXT    NOT NULL,
    authority TEXT    NOT NULL REFERENCES authorities (code),
    day       TEXT    NOT NULL,
    session   TEXT    NOT NULL CHECK (session IN ('AM', 'PM')),
    made_by   TEXT    NOT NULL,
    at        BIGINT NOT NULL,
    follow_up BIGINT,
    corrects  TEXT    NOT NULL DEFAULT '',
    hidden    BOOLEAN NOT NULL DEFAULT FALSE,
    body      BYTEA   NOT NULL,
    PRIMARY KEY (school, call)
);

CREATE INDEX calls_day ON calls (authority, day, at);
CREATE INDEX calls_follow_up ON calls (authority, follow_up) WHERE follow_up IS NOT NULL;
CREATE INDEX calls_at ON calls (school, at);
CREATE INDEX calls_corrects ON calls (school, corrects) WHERE corrects <> '';

-- Who says that he or she is calling a school, for a while.
CREATE TABLE call_claims (
    school     TEXT    NOT NULL REFERENCES schools (school),
    authority  TEXT    NOT NULL REFERENCES authorities (code),
    day        TEXT    NOT NULL,
    session    TEXT    NOT NULL,
    claimed_by TEXT    NOT NULL,
    at         BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    PRIMARY KEY (school, authority, day, session)
);

CREATE INDEX call_claims_day ON call_claims (authority, day, session);
