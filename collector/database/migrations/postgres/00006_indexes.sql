-- What is asked by the clock or for each batch must not cost more the longer
-- the collector has run.

-- +goose Up
-- The daily re-wrapping looks for keys of older epochs.
CREATE INDEX pupils_epoch ON pupils (epoch);
CREATE INDEX school_keys_epoch ON school_keys (epoch);

-- Whether anything of a pupil is left.
CREATE INDEX record_history_pupil ON record_history (school, pupil);

-- Outcomes are deleted after a time.
CREATE INDEX statements_outcomes ON statements (issued_at) WHERE kind = 'outcome';

-- Every look at the schools counts what could not be opened.
CREATE INDEX inbox_set_aside ON inbox (school) WHERE state = 'set_aside';

-- Apply passes over what waits for an agent to be confirmed.
DROP INDEX inbox_waiting;
CREATE INDEX inbox_waiting ON inbox (school, received_at, agent) WHERE state = 'waiting';
