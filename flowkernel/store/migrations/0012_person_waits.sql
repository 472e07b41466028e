-- Waits for people: for which message, and since when also those above wait with it.
ALTER TABLE execution ADD COLUMN asked_message_id UUID;
ALTER TABLE execution ADD COLUMN waiting_since TIMESTAMP;
ALTER TABLE execution ADD COLUMN waiting_children INTEGER DEFAULT 0;
ALTER TABLE execution ALTER COLUMN waiting_children SET NOT NULL;
-- Those that wait now, and those above, which wait with them.
CREATE TEMPORARY TABLE waiting AS
WITH RECURSIVE line AS (
    SELECT execution_id, coalesce(adopted_by, parent_id) AS above, asked_at
    FROM execution WHERE asked_at IS NOT NULL
    UNION
    SELECT parent.execution_id, coalesce(parent.adopted_by, parent.parent_id), line.asked_at
    FROM line JOIN execution parent ON parent.execution_id = line.above
)
SELECT execution_id, any_value(above) AS above, min(asked_at) AS since FROM line GROUP BY ALL;
UPDATE execution SET waiting_since = waiting.since FROM waiting
WHERE execution.execution_id = waiting.execution_id AND NOT starts_with(status, 'ENDED_');
UPDATE execution SET waiting_children = counts.children
FROM (SELECT above, count(*) AS children FROM waiting GROUP BY above) counts
WHERE execution.execution_id = counts.above;
DROP TABLE waiting;
UPDATE execution SET asked_message_id = last_wait.message_id
FROM (
    SELECT execution_id, arg_max(payload->>'message_id', seq)::UUID AS message_id
    FROM event WHERE kind = 'waiting' GROUP BY execution_id
) last_wait
WHERE execution.execution_id = last_wait.execution_id
  AND execution.status = 'WAITING' AND asked_at IS NOT NULL;
