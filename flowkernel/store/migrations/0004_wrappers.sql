-- Flows can be wrapped, and what failed can wait for somebody to decide.
ALTER TABLE execution ADD COLUMN wrapped JSON;
ALTER TABLE execution ADD COLUMN parks BOOLEAN DEFAULT false;
ALTER TABLE execution ALTER COLUMN parks SET NOT NULL;
ALTER TABLE execution ADD COLUMN is_interactive BOOLEAN DEFAULT false;
ALTER TABLE execution ALTER COLUMN is_interactive SET NOT NULL;
ALTER TABLE execution ADD COLUMN failure JSON;
ALTER TABLE execution ADD COLUMN parked_at TIMESTAMP;
ALTER TABLE execution ADD COLUMN decision JSON;
ALTER TABLE flow ADD COLUMN wrappers JSON DEFAULT '[]';
ALTER TABLE flow ADD COLUMN is_wrapper BOOLEAN DEFAULT false;
ALTER TABLE flow ALTER COLUMN is_wrapper SET NOT NULL;
