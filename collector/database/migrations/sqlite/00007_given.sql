-- Staff belong to the school, not to a pupil and so not to one authority.

-- +goose Up
-- Which authority may see which fields of what belongs to the school: JSON,
-- dataset to authority to fields, as the agent's last read says.
ALTER TABLE positions ADD COLUMN given TEXT NOT NULL DEFAULT '{}';
