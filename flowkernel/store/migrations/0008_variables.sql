-- Which environment variables came with the start of an execution: their names.
ALTER TABLE execution ADD COLUMN variables JSON;
