-- What a child's page says of what is not there, and which exclusions are new.

-- +goose Up
-- The datasets that the agent's last read had in scope, as JSON: for when the
-- newest applied data of each are true, in microseconds, 0 where none could be
-- read yet. What is asked and not in it, the school does not give.
ALTER TABLE positions ADD COLUMN reads TEXT NOT NULL DEFAULT '{}';

-- Today looks for new exclusions each time.
CREATE INDEX records_exclusion ON records (school, received_at) WHERE dataset = 'exclusion';
