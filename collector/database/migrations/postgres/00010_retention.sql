-- What is kept only for a time.

-- +goose Up
-- Versions replaced, and refused records set aside, before this may have been
-- forgotten; 0 before anything was.
ALTER TABLE positions ADD COLUMN history_from BIGINT NOT NULL DEFAULT 0;

-- The job looks for what is old each day.
CREATE INDEX record_history_replaced ON record_history (school, replaced_at);
