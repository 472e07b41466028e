-- A run can keep its kernel after its end.
ALTER TABLE execution ADD COLUMN keeps_kernel BOOLEAN DEFAULT false;
ALTER TABLE execution ALTER COLUMN keeps_kernel SET NOT NULL;
ALTER TABLE execution ADD COLUMN parked_until TIMESTAMP;
