-- Flows can declare parameters; an execution knows the defaults that it has.
ALTER TABLE execution ADD COLUMN defaults JSON;
ALTER TABLE flow ADD COLUMN parameters JSON;
ALTER TABLE flow_version ADD COLUMN parameters JSON;
