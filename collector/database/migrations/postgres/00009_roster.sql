-- Rosters: which children an authority says it looks after, at which school.

-- +goose Up
-- The edition of an authority's roster that stands, 0 before the first; rows of
-- any other edition are of an import that has not ended, or of one before.
ALTER TABLE authorities ADD COLUMN roster_edition BIGINT NOT NULL DEFAULT 0;
ALTER TABLE authorities ADD COLUMN roster_at BIGINT;

-- child is the blind index of the UPN; body is sealed by the school's key.
CREATE TABLE roster (
    school    TEXT   NOT NULL REFERENCES schools (school),
    authority TEXT   NOT NULL REFERENCES authorities (code),
    edition   BIGINT NOT NULL,
    child     BYTEA  NOT NULL,
    body      BYTEA  NOT NULL,
    PRIMARY KEY (school, authority, edition, child)
);

CREATE INDEX roster_authority ON roster (authority, edition);

-- What a school's agent was told last: digest is sealed by the school's key.
CREATE TABLE roster_told (
    school  TEXT   NOT NULL PRIMARY KEY,
    agent   BYTEA  NOT NULL,
    digest  BYTEA  NOT NULL,
    told_at BIGINT NOT NULL
);

-- What the agent made of it at its last read, in counts.
CREATE TABLE roster_use (
    school    TEXT   NOT NULL,
    authority TEXT   NOT NULL,
    waiting   BIGINT NOT NULL,
    accepted  BIGINT NOT NULL,
    sent      BIGINT NOT NULL,
    not_found BIGINT NOT NULL,
    as_at     BIGINT NOT NULL,
    PRIMARY KEY (school, authority)
);
