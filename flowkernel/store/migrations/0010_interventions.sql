-- What people did is in columns, and cells have the number that their author gives them.
ALTER TABLE execution ADD COLUMN skipped_cells INTEGER DEFAULT 0;
ALTER TABLE execution ALTER COLUMN skipped_cells SET NOT NULL;
ALTER TABLE execution ADD COLUMN mended_cells INTEGER DEFAULT 0;
ALTER TABLE execution ALTER COLUMN mended_cells SET NOT NULL;
ALTER TABLE execution ADD COLUMN retried_cells INTEGER DEFAULT 0;
ALTER TABLE execution ALTER COLUMN retried_cells SET NOT NULL;
ALTER TABLE execution ADD COLUMN decided_by VARCHAR;
ALTER TABLE execution ADD COLUMN decided_under VARCHAR;
ALTER TABLE execution ADD COLUMN inputs_changed_by VARCHAR;
ALTER TABLE execution ADD COLUMN replaced_inputs JSON;
ALTER TABLE execution ADD COLUMN asked_at TIMESTAMP;
ALTER TABLE execution ADD COLUMN answer_seconds DOUBLE DEFAULT 0;
ALTER TABLE execution ALTER COLUMN answer_seconds SET NOT NULL;
ALTER TABLE execution ADD COLUMN answer_waits JSON;
ALTER TABLE cell_run ADD COLUMN cell_number INTEGER;
ALTER TABLE cell_run ADD COLUMN first_line VARCHAR;
-- The decisions of earlier versions, as `fold` counts them.
UPDATE execution SET skipped_cells = decided.skipped, mended_cells = decided.mended,
    retried_cells = decided.retried, decided_by = decided.person
FROM (
    SELECT event.execution_id,
        count(*) FILTER (WHERE (payload->>'verb') = 'skip') AS skipped,
        count(*) FILTER (WHERE (payload->>'verb') = 'retry_cell'
            AND (payload->>'source') IS NOT NULL) AS mended,
        count(*) FILTER (WHERE (payload->>'verb') = 'retry_cell'
            AND (payload->>'source') IS NULL) AS retried,
        arg_max(payload->>'decided_by', seq) FILTER (
            WHERE (payload->>'why') IS NULL AND (payload->>'decided_by') <> ''
            AND NOT starts_with(payload->>'decided_by', 'execution ')) AS person
    FROM event LEFT JOIN (
        SELECT execution_id, max(seq) AS lost_seq FROM event WHERE kind = 'lost' GROUP BY ALL
    ) loss ON event.execution_id = loss.execution_id
    WHERE kind = 'decided' AND seq > coalesce(lost_seq, 0)
    GROUP BY event.execution_id
) decided WHERE execution.execution_id = decided.execution_id;
-- Those that wait for an answer, or are paused.
UPDATE execution SET asked_at = last_move.moved_at
FROM (
    SELECT execution_id, arg_max(happened_at, seq) AS moved_at, arg_max(kind, seq) AS kind,
        arg_max((payload->>'message_id') IS NOT NULL, seq) AS is_asking
    FROM event WHERE kind IN (
        'queued', 'started', 'waiting', 'resumed', 'paused', 'lost', 'failed', 'ended'
    ) GROUP BY execution_id
) last_move
WHERE execution.execution_id = last_move.execution_id
  AND (last_move.kind = 'paused' OR (last_move.kind = 'waiting' AND is_asking));
