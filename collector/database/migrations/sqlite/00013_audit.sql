-- Who saw, exported or changed what: append-only chains, one for each authority,
-- one for each school and one for the operator.

-- +goose Up
-- The classification that an authority puts on everything exported.
ALTER TABLE authorities ADD COLUMN label TEXT NOT NULL DEFAULT 'OFFICIAL-SENSITIVE';

-- A key for each authority, for the reasons that its people give.
CREATE TABLE authority_keys (
    authority TEXT    NOT NULL PRIMARY KEY REFERENCES authorities (code),
    key       BLOB    NOT NULL,
    epoch     INTEGER NOT NULL
);

CREATE INDEX authority_keys_epoch ON authority_keys (epoch);

-- The end of each chain, and where it begins: what is past its time goes from the
-- beginning, and the hash before the first entry left proves the rest.
CREATE TABLE audit_chains (
    chain     TEXT    NOT NULL PRIMARY KEY,
    seq       INTEGER NOT NULL,
    hash      BLOB    NOT NULL,
    from_seq  INTEGER NOT NULL DEFAULT 0,
    from_hash BLOB    NOT NULL
);

-- An entry that concerns an authority and a school stands in both chains, with
-- the same id and the same sealed reason.
CREATE TABLE audit (
    chain     TEXT    NOT NULL REFERENCES audit_chains (chain),
    seq       INTEGER NOT NULL,
    id        BLOB    NOT NULL,
    at        INTEGER NOT NULL,
    user_id   TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    authority TEXT    NOT NULL,
    school    TEXT    NOT NULL,
    children  TEXT    NOT NULL,
    about     TEXT    NOT NULL,
    reason    BLOB    NOT NULL,
    hash      BLOB    NOT NULL,
    PRIMARY KEY (chain, seq)
) WITHOUT ROWID;

CREATE INDEX audit_at ON audit (chain, at);
CREATE INDEX audit_user ON audit (chain, user_id, seq);
CREATE INDEX audit_school ON audit (chain, school, seq);

-- A mistake in the program must not change what was written. (Whoever may change
-- the schema can, and is found by the chains and their checkpoints.)
-- +goose StatementBegin
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN
    SELECT RAISE(ABORT, 'an audit entry is never changed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
WHEN OLD.seq > COALESCE((SELECT from_seq FROM audit_chains WHERE chain = OLD.chain), 0) BEGIN
    SELECT RAISE(ABORT, 'an audit entry is kept until it is past its time');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_chain_grows BEFORE UPDATE ON audit_chains
WHEN NEW.chain <> OLD.chain OR NEW.seq < OLD.seq OR NEW.from_seq < OLD.from_seq OR NEW.from_seq > NEW.seq BEGIN
    SELECT RAISE(ABORT, 'an audit chain only grows');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_chain_kept BEFORE DELETE ON audit_chains BEGIN
    SELECT RAISE(ABORT, 'an audit chain is never deleted');
END;
-- +goose StatementEnd
