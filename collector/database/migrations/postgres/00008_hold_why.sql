-- A hold is more than a mass disappearance now.

-- +goose Up
-- Which safety stop made it (protocol.Why); empty of one made before.
ALTER TABLE holds ADD COLUMN why TEXT NOT NULL DEFAULT '';
