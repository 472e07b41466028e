-- The column is named by what it holds.
ALTER TABLE execution RENAME COLUMN asked TO requested_action;
