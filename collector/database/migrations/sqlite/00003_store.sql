-- Records as they stand, what they were, and what was decided about them.

-- +goose Up
CREATE TABLE positions (
    school           TEXT   NOT NULL PRIMARY KEY,
    agent            BLOB  NOT NULL,
    generation       INTEGER NOT NULL,
    sequence         INTEGER NOT NULL,
    digest           BLOB  NOT NULL,
    state            BLOB  NOT NULL,
    year             TEXT   NOT NULL DEFAULT '',
    pupils_as_at     INTEGER,
    attendance_as_at INTEGER,
    applied_at       INTEGER NOT NULL,
    resync_after     INTEGER NOT NULL DEFAULT 0
);

-- key is the pupil's key, wrapped by the epoch key named beside it.
CREATE TABLE pupils (
    school     TEXT   NOT NULL,
    pupil      TEXT   NOT NULL,
    authority  TEXT   NOT NULL,
    key        BLOB  NOT NULL,
    epoch      INTEGER NOT NULL,
    upn_index  BLOB,
    was        TEXT,
    first_seen INTEGER NOT NULL,
    left_at    INTEGER,
    PRIMARY KEY (school, pupil)
);

CREATE INDEX pupils_upn ON pupils (upn_index) WHERE upn_index IS NOT NULL;

-- body is sealed by the pupil's key; NULL when no version was ever good.
-- counted says whether tag is part of positions.state.
CREATE TABLE records (
    school      TEXT    NOT NULL,
    dataset     TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    pupil       TEXT    NOT NULL,
    week        TEXT    NOT NULL DEFAULT '',
    version     INTEGER  NOT NULL,
    body        BLOB,
    tag         BLOB   NOT NULL,
    counted     BOOLEAN NOT NULL,
    refused     BOOLEAN NOT NULL DEFAULT FALSE,
    held        TEXT    NOT NULL DEFAULT '',
    generation  INTEGER  NOT NULL,
    sequence    INTEGER  NOT NULL,
    received_at INTEGER  NOT NULL,
    as_at       INTEGER  NOT NULL,
    PRIMARY KEY (school, dataset, key)
);

CREATE INDEX records_pupil ON records (school, pupil);

CREATE TABLE record_history (
    school      TEXT   NOT NULL,
    dataset     TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    version     INTEGER NOT NULL,
    pupil       TEXT   NOT NULL,
    body        BLOB,
    replaced_at INTEGER NOT NULL,
    why         TEXT   NOT NULL,
    PRIMARY KEY (school, dataset, key, version)
);

-- body is sealed by the school's key; reasons is a JSON list of codes.
CREATE TABLE quarantine (
    school   TEXT   NOT NULL,
    dataset  TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    sequence INTEGER NOT NULL,
    reasons  TEXT   NOT NULL,
    body     BLOB  NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (school, dataset, key)
);

CREATE TABLE holds (
    school      TEXT   NOT NULL,
    code        TEXT   NOT NULL,
    dataset     TEXT   NOT NULL,
    authority   TEXT   NOT NULL DEFAULT '',
    gone        INTEGER NOT NULL,
    of_         INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    origin      TEXT   NOT NULL CHECK (origin IN ('agent', 'collector')),
    released_at INTEGER,
    PRIMARY KEY (school, code)
);

CREATE TABLE deliveries (
    school           TEXT    NOT NULL,
    generation       INTEGER  NOT NULL,
    sequence         INTEGER  NOT NULL,
    first_sequence   INTEGER  NOT NULL,
    full_            BOOLEAN NOT NULL,
    received_at      INTEGER  NOT NULL,
    applied_at       INTEGER  NOT NULL,
    upserts          INTEGER  NOT NULL,
    removals         INTEGER  NOT NULL,
    refused          INTEGER  NOT NULL,
    unchanged        INTEGER  NOT NULL,
    pupils           INTEGER  NOT NULL,
    bytes            INTEGER  NOT NULL,
    attendance_as_at INTEGER,
    PRIMARY KEY (school, generation, sequence)
);

CREATE TABLE school_keys (
    school TEXT   NOT NULL PRIMARY KEY,
    key    BLOB  NOT NULL,
    epoch  INTEGER NOT NULL
);
