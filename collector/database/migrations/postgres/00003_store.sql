-- Records as they stand, what they were, and what was decided about them.

-- +goose Up
CREATE TABLE positions (
    school           TEXT   NOT NULL PRIMARY KEY,
    agent            BYTEA  NOT NULL,
    generation       BIGINT NOT NULL,
    sequence         BIGINT NOT NULL,
    digest           BYTEA  NOT NULL,
    state            BYTEA  NOT NULL,
    year             TEXT   NOT NULL DEFAULT '',
    pupils_as_at     BIGINT,
    attendance_as_at BIGINT,
    applied_at       BIGINT NOT NULL,
    resync_after     BIGINT NOT NULL DEFAULT 0
);

-- key is the pupil's key, wrapped by the epoch key named beside it.
CREATE TABLE pupils (
    school     TEXT   NOT NULL,
    pupil      TEXT   NOT NULL,
    authority  TEXT   NOT NULL,
    key        BYTEA  NOT NULL,
    epoch      BIGINT NOT NULL,
    upn_index  BYTEA,
    was        TEXT,
    first_seen BIGINT NOT NULL,
    left_at    BIGINT,
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
    version     BIGINT  NOT NULL,
    body        BYTEA,
    tag         BYTEA   NOT NULL,
    counted     BOOLEAN NOT NULL,
    refused     BOOLEAN NOT NULL DEFAULT FALSE,
    held        TEXT    NOT NULL DEFAULT '',
    generation  BIGINT  NOT NULL,
    sequence    BIGINT  NOT NULL,
    received_at BIGINT  NOT NULL,
    as_at       BIGINT  NOT NULL,
    PRIMARY KEY (school, dataset, key)
);

CREATE INDEX records_pupil ON records (school, pupil);

CREATE TABLE record_history (
    school      TEXT   NOT NULL,
    dataset     TEXT   NOT NULL,
    key         TEXT   NOT NULL,
    version     BIGINT NOT NULL,
    pupil       TEXT   NOT NULL,
    body        BYTEA,
    replaced_at BIGINT NOT NULL,
    why         TEXT   NOT NULL,
    PRIMARY KEY (school, dataset, key, version)
);

-- body is sealed by the school's key; reasons is a JSON list of codes.
CREATE TABLE quarantine (
    school   TEXT   NOT NULL,
    dataset  TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    sequence BIGINT NOT NULL,
    reasons  TEXT   NOT NULL,
    body     BYTEA  NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (school, dataset, key)
);

CREATE TABLE holds (
    school      TEXT   NOT NULL,
    code        TEXT   NOT NULL,
    dataset     TEXT   NOT NULL,
    authority   TEXT   NOT NULL DEFAULT '',
    gone        BIGINT NOT NULL,
    of_         BIGINT NOT NULL,
    since       BIGINT NOT NULL,
    origin      TEXT   NOT NULL CHECK (origin IN ('agent', 'collector')),
    released_at BIGINT,
    PRIMARY KEY (school, code)
);

CREATE TABLE deliveries (
    school           TEXT    NOT NULL,
    generation       BIGINT  NOT NULL,
    sequence         BIGINT  NOT NULL,
    first_sequence   BIGINT  NOT NULL,
    full_            BOOLEAN NOT NULL,
    received_at      BIGINT  NOT NULL,
    applied_at       BIGINT  NOT NULL,
    upserts          BIGINT  NOT NULL,
    removals         BIGINT  NOT NULL,
    refused          BIGINT  NOT NULL,
    unchanged        BIGINT  NOT NULL,
    pupils           BIGINT  NOT NULL,
    bytes            BIGINT  NOT NULL,
    attendance_as_at BIGINT,
    PRIMARY KEY (school, generation, sequence)
);

CREATE TABLE school_keys (
    school TEXT   NOT NULL PRIMARY KEY,
    key    BYTEA  NOT NULL,
    epoch  BIGINT NOT NULL
);
