-- When a school's registers are expected. Days are dates of the school's wall
-- clock, times of day are seconds on it.

-- +goose Up
CREATE TABLE session_times (
    school          TEXT   NOT NULL REFERENCES schools (school),
    from_day        TEXT   NOT NULL,
    session         TEXT   NOT NULL CHECK (session IN ('AM', 'PM')),
    register_at     INTEGER NOT NULL,
    late_at         INTEGER NOT NULL,
    not_received_at INTEGER NOT NULL,
    authority       TEXT   NOT NULL,
    changed_by      TEXT   NOT NULL,
    changed_at      INTEGER NOT NULL,
    PRIMARY KEY (school, from_day, session)
);

CREATE TABLE calendar_entries (
    school     TEXT   NOT NULL REFERENCES schools (school),
    first_day  TEXT   NOT NULL,
    session    TEXT   NOT NULL CHECK (session IN ('', 'AM', 'PM')),
    kind       TEXT   NOT NULL,
    last_day   TEXT   NOT NULL,
    authority  TEXT   NOT NULL,
    changed_by TEXT   NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (school, first_day, session, kind)
);

CREATE TABLE by_phone (
    school     TEXT   NOT NULL PRIMARY KEY REFERENCES schools (school),
    reason     TEXT   NOT NULL,
    authority  TEXT   NOT NULL,
    changed_by TEXT   NOT NULL,
    changed_at INTEGER NOT NULL
);

-- When each session's register came is read from the deliveries of its days.
CREATE INDEX deliveries_received ON deliveries (school, received_at);
