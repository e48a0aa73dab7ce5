-- What intake has taken and given a receipt for.

-- +goose Up
-- envelope is emptied when a batch is decided; digest and receipt stay, so a
-- repeat gets the same answer for ever.
CREATE TABLE inbox (
    school      TEXT   NOT NULL,
    agent       BLOB  NOT NULL,
    generation  INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    digest      BLOB  NOT NULL,
    previous    BLOB  NOT NULL,
    type        INTEGER NOT NULL,
    sealed_at   INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    envelope    BLOB,
    receipt     BLOB  NOT NULL,
    state       TEXT   NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'applied', 'withdrawn', 'set_aside', 'refused')),
    PRIMARY KEY (school, agent, generation, sequence)
);

CREATE INDEX inbox_waiting ON inbox (school, received_at) WHERE state = 'waiting';

-- Enrolments and revocations that intake has taken for apply to decide.
CREATE TABLE requests (
    school      TEXT   NOT NULL,
    digest      BLOB  NOT NULL,
    message     TEXT   NOT NULL CHECK (message IN ('enrol', 'revoke')),
    sender      BLOB  NOT NULL,
    frame       BLOB  NOT NULL,
    received_at INTEGER NOT NULL,
    receipt     BLOB  NOT NULL,
    state       TEXT   NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'refused')),
    PRIMARY KEY (school, digest)
);

CREATE INDEX requests_waiting ON requests (school, received_at) WHERE state = 'waiting';

-- One row for each agent, made when it is enrolled: the highest attempt counter
-- heard, the newest check-in and the newest batch that contradicts the chain,
-- both as the frames that the agent signed.
CREATE TABLE attempts (
    school   TEXT   NOT NULL,
    agent    BLOB  NOT NULL,
    counter  INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    checkin  BLOB,
    conflict BLOB,
    PRIMARY KEY (school, agent)
);

-- Apply asks in every round; hardly ever is there one.
CREATE INDEX attempts_conflict ON attempts (school, agent) WHERE conflict IS NOT NULL;
