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
    generation       BIGINT NOT NULL,
    source           TEXT   NOT NULL CHECK (source IN ('agent', 'code', 'operator')),
    said_at          BIGINT NOT NULL,
    hidden_at        BIGINT NOT NULL,
    destroy_at       BIGINT NOT NULL,
    hold             BYTEA  NOT NULL UNIQUE,
    key              BYTEA,
    id_key           BYTEA,
    records          BIGINT NOT NULL,
    children         BIGINT NOT NULL,
    key_destroyed_at BIGINT,
    destroyed_at     BIGINT,
    PRIMARY KEY (school, generation)
);

CREATE INDEX stops_due ON stops (destroy_at) WHERE destroyed_at IS NULL;

-- What the public page has taken for apply to decide: code is the revocation code
-- as it was given, emptied when it is decided.
CREATE TABLE stop_requests (
    school      TEXT   NOT NULL,
    agent       BYTEA  NOT NULL,
    code        TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (school, agent)
);

CREATE INDEX stop_requests_waiting ON stop_requests (received_at) WHERE code <> '';

-- The deletion certificate of each agent of a school that stopped, with the
-- keyring that proves it.
CREATE TABLE certificates (
    school TEXT   NOT NULL,
    agent  BYTEA  NOT NULL,
    signed BYTEA  NOT NULL,
    PRIMARY KEY (school, agent)
);

-- The public page finds the agent of a revocation code by its hash.
CREATE INDEX agents_revocation ON agents (revocation);
