-- From here on what is recorded goes to a journal first. `applied_frame` is the last frame
-- of it that the tables have; `journal_id` says which journal: none yet.
INSERT INTO meta VALUES ('journal_id', ''), ('applied_frame', '0');
