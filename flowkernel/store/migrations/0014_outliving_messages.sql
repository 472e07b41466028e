-- A message may wait for its answer also when the execution that sent it has ended.
ALTER TABLE message ADD COLUMN outlives BOOLEAN DEFAULT false;
ALTER TABLE message ALTER COLUMN outlives SET NOT NULL;
