-- Rosters: which children an authority says it looks after, at which school.

-- +goose Up
-- The edition of an authority's roster that stands, 0 before the first; rows of
-- any other edition are of an import that has not ended, or of one before.
ALTER TABLE authorities ADD COLUMN roster_edition INTEGER NOT NULL DEFAULT 0;
ALTER TABLE authorities ADD COLUMN roster_at INTEGER;

-- child is the blind index of the UPN; body is sealed by the school's key.
CREATE TABLE roster (
    school    TEXT   NOT NULL REFERENCES schools (school),
    authority TEXT   NOT NULL REFERENCES authorities (code),
    edition   INTEGER NOT NULL,
    child     BLOB   NOT NULL,
    body      BLOB   NOT NULL,
    PRIMARY KEY (school, authority, edition, child)
);

CREATE INDEX roster_authority ON roster (authority, edition);

-- What a school's agent was told last: digest is sealed by the school's key.
CREATE TABLE roster_told (
    school  TEXT   NOT NULL PRIMARY KEY,
    agent   BLOB   NOT NULL,
    digest  BLOB   NOT NULL,
    told_at INTEGER NOT NULL
);

-- What the agent made of it at its last read, in counts.
CREATE TABLE roster_use (
    school    TEXT   NOT NULL,
    authority TEXT   NOT NULL,
    waiting   INTEGER NOT NULL,
    accepted  INTEGER NOT NULL,
    sent      INTEGER NOT NULL,
    not_found INTEGER NOT NULL,
    as_at     INTEGER NOT NULL,
    PRIMARY KEY (school, authority)
);
