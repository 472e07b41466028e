-- A message says which event changed it last, as an execution does.
ALTER TABLE message ADD COLUMN last_seq BIGINT DEFAULT 0;
ALTER TABLE message ALTER COLUMN last_seq SET NOT NULL;
UPDATE message SET last_seq = found.seq FROM (
    SELECT message.message_id, max(event.seq) AS seq
    FROM message JOIN event USING (execution_id)
    WHERE (starts_with(event.kind, 'message_')
           AND event.payload->>'message_id' = message.message_id::VARCHAR)
       OR (event.kind = 'ended' AND event.happened_at = message.closed_at)
    GROUP BY message.message_id
) found WHERE message.message_id = found.message_id;
