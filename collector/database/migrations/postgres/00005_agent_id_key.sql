-- The id key that a new agent brought, sealed by the school's key, until the
-- agent is confirmed and it becomes the school's.

-- +goose Up
ALTER TABLE agents ADD COLUMN id_key BYTEA;
