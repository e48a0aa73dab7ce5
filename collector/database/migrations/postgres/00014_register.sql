-- What is asked for each look at the morning.

-- +goose Up
-- The schools that one authority asks.
CREATE INDEX provisions_authority ON provisions (authority, school);
