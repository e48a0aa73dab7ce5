-- E-mails to people of the authorities when the grace period of a session ends.

-- +goose Up
-- Whether somebody wants them.
ALTER TABLE users ADD COLUMN alerts BOOLEAN NOT NULL DEFAULT FALSE;

-- One row for each person, authority and session. next_at is when to try again;
-- who tries puts it forward first, so that of several processes one does.
CREATE TABLE alerts (
    authority TEXT    NOT NULL REFERENCES authorities (code),
    day       TEXT    NOT NULL,
    session   TEXT    NOT NULL CHECK (session IN ('AM', 'PM')),
    user_id   TEXT    NOT NULL,
    attempts  BIGINT NOT NULL DEFAULT 0,
    next_at   BIGINT NOT NULL,
    sent_at   BIGINT,
    PRIMARY KEY (authority, day, session, user_id)
);
