-- A child that a retry of its parent waits for, or keeps, is recorded as its child.
ALTER TABLE execution ADD COLUMN adopted_by UUID;
