-- What follows when a school stops: its data wait hidden, under a hold key, until
-- they are destroyed.

-- +goose Up
-- Who may speak for the school when it stops, and how to reach that person.
ALTER TABLE schools ADD COLUMN signatory_name TEXT NOT NULL DEFAULT '';
ALTER TABLE schools ADD COLUMN signatory_role TEXT NOT NULL DEFAULT '';
ALTER TABLE schools ADD COLUMN signatory_phone TEXT NOT NULL DEFAULT '';
ALTER TABLE schools ADD COLUMN signatory_email TEXT NOT NULL DEFAULT '';

-- One row for each time that a school stopped. generation is that of its newest
-- agent then: whatever an agent up to it sent goes with this stop. key is the
-- school's key of before, wrapped by the hold key; id_key is sealed by it.
CREATE TABLE stops (
    school           TEXT   NOT NULL REFERENCES schools (school),
    generation       INTEGER NOT NULL,
    source           TEXT   NOT NULL CHECK (source IN ('agent', 'code', 'operator')),
    said_at          INTEGER NOT NULL,
    hidden_at        INTEGER NOT NULL,
    destroy_at       INTEGER NOT NULL,
    hold             BLOB  NOT NULL UNIQUE,
    key              BLOB,
    id_key           BLOB,
    records          INTEGER NOT NULL,
    children         INTEGER NOT NULL,
    key_destroyed_at INTEGER,
    destroyed_at     INTEGER,
    PRIMARY KEY (school, generation)
);

CREATE INDEX stops_due ON stops (destroy_at) WHERE destroyed_at IS NULL;

-- What the public page has taken for apply to decide: code is the revocation code
-- as it was given, emptied when it is decided.
CREATE TABLE stop_requests (
    school      TEXT   NOT NULL,
    agent       BLOB  NOT NULL,
    code        TEXT   NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (school, agent)
);

CREATE INDEX stop_requests_waiting ON stop_requests (received_at) WHERE code <> '';

-- The deletion certificate of each agent of a school that stopped, with the
-- keyring that proves it.
CREATE TABLE certificates (
    school TEXT   NOT NULL,
    agent  BLOB  NOT NULL,
    signed BLOB  NOT NULL,
    PRIMARY KEY (school, agent)
);

-- The public page finds the agent of a revocation code by its hash.
CREATE INDEX agents_revocation ON agents (revocation);
