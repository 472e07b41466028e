-- Waits for people: for which message, and since when also those above wait with it.
ALTER TABLE execution ADD COLUMN asked_message_id UUID;
ALTER TABLE execution ADD COLUMN waiting_since TIMESTAMP;
ALTER TABLE execution ADD COLUMN waiting_children INTEGER DEFAULT 0;
ALTER TABLE execution ALTER COLUMN waiting_children SET NOT NULL;
-- Those that wait now. Those above learn of such a wait when it is over.
UPDATE execution SET waiting_since = asked_at WHERE asked_at IS NOT NULL;
UPDATE execution SET asked_message_id = last_wait.message_id
FROM (
    SELECT execution_id, arg_max(payload->>'message_id', seq)::UUID AS message_id
    FROM event WHERE kind = 'waiting' GROUP BY execution_id
) last_wait
WHERE execution.execution_id = last_wait.execution_id
  AND execution.status = 'WAITING' AND asked_at IS NOT NULL;
