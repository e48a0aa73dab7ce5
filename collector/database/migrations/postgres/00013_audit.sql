-- Who saw, exported or changed what: append-only chains, one for each authority,
-- one for each school and one for the operator.

-- +goose Up
-- The classification that an authority puts on everything exported.
ALTER TABLE authorities ADD COLUMN label TEXT NOT NULL DEFAULT 'OFFICIAL-SENSITIVE';

-- A key for each authority, for the reasons that its people give.
CREATE TABLE authority_keys (
    authority TEXT   NOT NULL PRIMARY KEY REFERENCES authorities (code),
    key       BYTEA  NOT NULL,
    epoch     BIGINT NOT NULL
);

CREATE INDEX authority_keys_epoch ON authority_keys (epoch);

-- The end of each chain, and where it begins: what is past its time goes from the
-- beginning, and the hash before the first entry left proves the rest.
CREATE TABLE audit_chains (
    chain     TEXT   NOT NULL PRIMARY KEY,
    seq       BIGINT NOT NULL,
    hash      BYTEA  NOT NULL,
    from_seq  BIGINT NOT NULL DEFAULT 0,
    from_hash BYTEA  NOT NULL
);

-- An entry that concerns an authority and a school stands in both chains, with
-- the same id and the same sealed reason.
CREATE TABLE audit (
    chain     TEXT   NOT NULL REFERENCES audit_chains (chain),
    seq       BIGINT NOT NULL,
    id        BYTEA  NOT NULL,
    at        BIGINT NOT NULL,
    user_id   TEXT   NOT NULL,
    action    TEXT   NOT NULL,
    authority TEXT   NOT NULL,
    school    TEXT   NOT NULL,
    children  TEXT   NOT NULL,
    about     TEXT   NOT NULL,
    reason    BYTEA  NOT NULL,
    hash      BYTEA  NOT NULL,
    PRIMARY KEY (chain, seq)
);

CREATE INDEX audit_at ON audit (chain, at);
CREATE INDEX audit_user ON audit (chain, user_id, seq);
CREATE INDEX audit_school ON audit (chain, school, seq);

-- A mistake in the program must not change what was written. (Whoever may change
-- the schema can, and is found by the chains and their checkpoints.)
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0];
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_refuse_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.seq > COALESCE((SELECT from_seq FROM audit_chains WHERE chain = OLD.chain), 0) THEN
        RAISE EXCEPTION 'an audit entry is kept until it is past its time';
    END IF;
    RETURN OLD;
END $$;
-- +goose StatementEnd

CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('an audit entry is never changed');
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuse_kept();
CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('an audit entry is kept until it is past its time');
CREATE TRIGGER audit_chain_grows BEFORE UPDATE ON audit_chains
    FOR EACH ROW WHEN (NEW.chain <> OLD.chain OR NEW.seq < OLD.seq OR NEW.from_seq < OLD.from_seq OR NEW.from_seq > NEW.seq)
    EXECUTE FUNCTION audit_refuse('an audit chain only grows');
CREATE TRIGGER audit_chain_kept BEFORE DELETE ON audit_chains
    FOR EACH ROW EXECUTE FUNCTION audit_refuse('an audit chain is never deleted');
CREATE TRIGGER audit_chains_whole BEFORE TRUNCATE ON audit_chains
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse('an audit chain is never deleted');
