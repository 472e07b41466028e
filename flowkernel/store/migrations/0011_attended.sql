-- A start can say whether a person is there.
ALTER TABLE execution ADD COLUMN is_attended BOOLEAN;
