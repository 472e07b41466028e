-- list_meta
-- The schema version, and the last event and frame that the tables have.
SELECT key, value FROM meta;

-- save_meta
-- Replace one value; in the transaction that writes what it is about.
UPDATE meta SET value = $value WHERE key = $key;

-- list_live
-- The executions that have not ended; read when the store opens, as are those that follow.
-- Ids as text: of thousands, DuckDB makes text in a tenth of the time that Python takes.
SELECT * REPLACE (
    execution_id::VARCHAR AS execution_id, root_id::VARCHAR AS root_id,
    parent_id::VARCHAR AS parent_id, adopted_by::VARCHAR AS adopted_by,
    retry_of::VARCHAR AS retry_of
) FROM execution WHERE NOT starts_with(status, 'ENDED_');

-- list_kept
-- Those that have ended, and whose kernel is kept for people.
SELECT * FROM execution WHERE parked_at IS NOT NULL AND starts_with(status, 'ENDED_');

-- list_live_cells
-- Their cell runs. Of the ended ones, memory keeps only the ids.
SELECT * FROM cell_run WHERE execution_id = ANY($execution_ids::UUID[]);

-- list_live_calls
-- Which call of theirs started, or adopted, which child, oldest first.
SELECT parent_id, call_key, id FROM (
    SELECT parent_id, call_key, execution_id AS id, created_at FROM execution
    WHERE root_id IN (
        SELECT root_id FROM execution WHERE execution_id = ANY($execution_ids::UUID[])
      ) AND parent_id = ANY($execution_ids::UUID[]) AND call_key IS NOT NULL
    UNION ALL
    SELECT adopted_by, call_key, execution_id, created_at FROM execution
    WHERE adopted_by = ANY($execution_ids::UUID[]) AND call_key IS NOT NULL
) ORDER BY created_at, id;

-- list_family_links
-- Which families have adopted something of which others.
SELECT DISTINCT parent.root_id::VARCHAR AS root_id, child.root_id::VARCHAR AS former_root_id
FROM execution child JOIN execution parent ON parent.execution_id = child.adopted_by
WHERE child.adopted_by IS NOT NULL AND child.root_id <> parent.root_id;

-- newest_execution_id
-- Ids grow with time, about: an id above this one is new, and need not be looked up.
SELECT max(execution_id) FROM execution;

-- newest_event_ids
-- To recognize an event that a caller without a reply repeats. Oldest first.
SELECT event_id FROM (SELECT seq, event_id FROM event ORDER BY seq DESC LIMIT $limit)
ORDER BY seq;

-- list_flows
-- All flows; read when the store opens.
SELECT * FROM flow;

-- list_version_hashes
-- The hash of every flow version; read when the store opens.
SELECT hash FROM flow_version;

-- get_version
-- One flow version with its source.
SELECT hash AS flow_version, flow_name, kind, source, setup_source, path, parameters
FROM flow_version WHERE hash = $flow_version;

-- delete_flows
-- Flows that were deleted, or are about to be inserted again.
DELETE FROM flow WHERE name = ANY($names::VARCHAR[]);

-- get_execution
-- One execution.
SELECT * FROM execution WHERE execution_id = $execution_id;

-- list_executions
-- A page of executions, newest first; only those older than ($before_at, $before_id).
-- Among roots, a run through wrappers is one of the flow that they run, too.
SELECT * FROM execution
WHERE ($status::VARCHAR IS NULL OR status = $status)
  AND ($is_ended::BOOLEAN IS NULL OR starts_with(status, 'ENDED_') = $is_ended)
  AND ($flow_name::VARCHAR IS NULL OR flow_name = $flow_name
       OR ($is_root::BOOLEAN AND wrapped->>'flow_name' = $flow_name))
  AND (NOT $is_root::BOOLEAN OR parent_id IS NULL)
  AND ($oldest::TIMESTAMP IS NULL OR created_at >= $oldest)
  AND ($parent_id::UUID IS NULL OR parent_id = $parent_id::UUID
       OR adopted_by = $parent_id::UUID)
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID)
  AND ($retry_of::UUID[] IS NULL OR retry_of = ANY($retry_of::UUID[]))
  AND ($is_archived::BOOLEAN IS NULL OR is_archived = $is_archived)
  AND ($before_at::TIMESTAMP IS NULL OR created_at < $before_at
       OR (created_at = $before_at AND execution_id < $before_id::UUID))
ORDER BY created_at DESC, execution_id DESC LIMIT $limit;

-- match_ids
-- Those among the newest $among executions whose ids begin or end with $part.
SELECT id, name, status FROM (
    SELECT execution_id::VARCHAR AS id, name, status, created_at
    FROM execution ORDER BY created_at DESC LIMIT $among
) WHERE starts_with(id, $part) OR ends_with(id, $part)
ORDER BY created_at DESC LIMIT $limit;

-- match_beginnings
-- Those among all executions whose ids begin with $part.
SELECT execution_id::VARCHAR AS id, name, status FROM execution
WHERE starts_with(execution_id::VARCHAR, $part) ORDER BY created_at DESC LIMIT $limit;

-- family
-- Families, parents first, each execution as JSON without what may be large.
SELECT execution_id::VARCHAR AS execution_id, root_id::VARCHAR AS root_id,
    parent_id::VARCHAR AS parent_id, adopted_by::VARCHAR AS adopted_by,
    {execution_json} AS text
FROM execution WHERE root_id = ANY($root_ids::UUID[])
ORDER BY depth, created_at, execution_id;

-- family_ids
-- Families, parents first: what is needed to say who is under whom.
SELECT execution_id::VARCHAR AS execution_id, root_id::VARCHAR AS root_id,
    parent_id::VARCHAR AS parent_id, adopted_by::VARCHAR AS adopted_by
FROM execution WHERE root_id = ANY($root_ids::UUID[])
ORDER BY depth, created_at, execution_id;

-- call_children
-- The executions that one call started in any of some tries, oldest first.
SELECT * FROM execution
WHERE root_id = ANY($root_ids::UUID[]) AND parent_id = ANY($parent_ids::UUID[])
  AND call_key = $call_key
ORDER BY created_at, execution_id;

-- lines_above
-- What is above some executions, up to the first that has not ended, the nearest first.
WITH RECURSIVE line AS (
    SELECT execution_id AS id, coalesce(adopted_by, parent_id) AS above, 1 AS level
    FROM execution WHERE execution_id = ANY($execution_ids::UUID[])
    UNION ALL
    SELECT line.id, coalesce(adopted_by, parent_id), level + 1
    FROM line JOIN execution ON execution_id = above WHERE starts_with(status, 'ENDED_')
)
SELECT id::VARCHAR AS id, above::VARCHAR AS above, status
FROM line JOIN execution ON execution_id = above ORDER BY level;

-- answer_waits
-- When an execution, or one under it, waited for a person's answer: start and end.
{with_under}, moves AS (
    SELECT kind, payload, happened_at AS started_at, lead(happened_at) OVER (
        PARTITION BY execution_id ORDER BY seq
    ) AS ended_at
    FROM event WHERE root_id = ANY($root_ids::UUID[]) AND execution_id IN (FROM under)
      AND kind IN ('waiting', 'resumed', 'paused', 'lost', 'ended')
)
SELECT started_at, ended_at FROM moves
WHERE kind = 'waiting' AND payload->>'message_id' IS NOT NULL ORDER BY started_at;

-- decisions
-- What was decided on failures of an execution, and of those under it, oldest first.
{with_under}
SELECT * FROM event
WHERE root_id = ANY($root_ids::UUID[]) AND kind = 'decided' AND execution_id IN (FROM under)
ORDER BY seq LIMIT $limit OFFSET $offset;

-- cell_runs
-- The cell runs of one execution, in the order in which they started.
SELECT * FROM cell_run WHERE execution_id = $execution_id
ORDER BY started_at, cell_index, cell_run_id LIMIT $limit OFFSET $offset;

-- log
-- The log events of one execution after a number.
SELECT seq, execution_id, root_id, happened_at, stream, text FROM log
WHERE execution_id = $execution_id AND seq > $after_seq ORDER BY seq LIMIT $limit;

-- event_seqs
-- The numbers of a page of events, logs included: all, or of one family or one execution.
SELECT seq FROM (
    SELECT seq FROM event WHERE seq > $seq AND seq <= $upto
      AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
      AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
    UNION ALL
    SELECT seq FROM log WHERE seq > $seq AND seq <= $upto
      AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
      AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
) ORDER BY seq LIMIT $limit;

-- event_sizes
-- The same events with their sizes in bytes, about: a page may have only so many.
SELECT seq, strlen(payload) AS size FROM event WHERE seq > $seq AND seq <= $upto
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
  AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
UNION ALL
SELECT seq, strlen(text) AS size FROM log WHERE seq > $seq AND seq <= $upto
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
  AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
ORDER BY seq;

-- events_between
-- The events after one number up to another: all, or those of one family or execution.
SELECT * FROM event
WHERE seq > $seq AND seq <= $upto
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
  AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
ORDER BY seq;

-- log_between
-- The same for log events.
SELECT seq, execution_id, root_id, happened_at, stream, text FROM log
WHERE seq > $seq AND seq <= $upto
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
  AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
ORDER BY seq;

-- change_seqs
-- The last numbers of a page of executions and messages that changed: all, or of one family,
-- or only the executions of one parent.
SELECT seq FROM (
    SELECT last_seq AS seq FROM execution WHERE last_seq > $seq AND last_seq <= $upto
      AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
      AND ($parent_id::UUID IS NULL OR parent_id = $parent_id::UUID
       OR adopted_by = $parent_id::UUID)
    UNION ALL
    SELECT last_seq AS seq FROM message WHERE last_seq > $seq AND last_seq <= $upto
      AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
      AND $parent_id::UUID IS NULL
) ORDER BY seq LIMIT $limit;

-- changed_executions
-- The executions whose last change is between two numbers, as light rows.
SELECT last_seq AS seq, execution_id::VARCHAR AS execution_id, root_id::VARCHAR AS root_id,
    parent_id::VARCHAR AS parent_id, adopted_by::VARCHAR AS adopted_by, status,
    {execution_row} AS text
FROM execution WHERE last_seq > $seq AND last_seq <= $upto
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[]))
  AND ($parent_id::UUID IS NULL OR parent_id = $parent_id::UUID
       OR adopted_by = $parent_id::UUID)
ORDER BY last_seq;

-- changed_messages
-- The same for messages.
SELECT last_seq AS seq, execution_id::VARCHAR AS execution_id, root_id::VARCHAR AS root_id,
    {message_row} AS text
FROM message WHERE last_seq > $seq AND last_seq <= $upto
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID
       OR execution_id = ANY($adopted_ids::UUID[])) AND $parent_id::UUID IS NULL
ORDER BY last_seq, message_id;

-- list_messages
-- A page of messages, newest first; only those older than ($before_at, $before_id).
SELECT * FROM message
WHERE $before_at::TIMESTAMP IS NULL OR created_at < $before_at
   OR (created_at = $before_at AND message_id < $before_id::UUID)
ORDER BY created_at DESC, message_id DESC LIMIT $limit;

-- list_live_messages
-- The messages of live executions, and those that wait though theirs has ended. Of those that
-- are not open, memory keeps only the ids.
SELECT * FROM message
WHERE execution_id = ANY($execution_ids::UUID[]) OR (outlives AND status = 'OPEN');

-- messages_of
-- The messages of one execution, oldest first.
SELECT * FROM message WHERE execution_id = $execution_id ORDER BY created_at, message_id;

-- get_message
-- One message.
SELECT * FROM message WHERE message_id = $message_id;

-- all_events
-- All events, execution by execution: `rebuild` makes the other tables from them.
SELECT * FROM event ORDER BY execution_id, seq;

-- clear_projections
-- The tables that `rebuild` makes again.
DELETE FROM execution;
DELETE FROM cell_run;
DELETE FROM message;

-- prunable
-- Families, oldest first, all of whose members had ended at the moment $as_of, if it is given:
-- those created before $created_before, and those beyond the newest $keep of all families of that moment.
SELECT root_id, executions FROM (
    SELECT root_id, count(*) AS executions, min(created_at) AS created_at,
        bool_and(
            starts_with(status, 'ENDED_') AND ended_at <= coalesce($as_of::TIMESTAMP, 'infinity')
        ) AS has_ended,
        row_number() OVER (ORDER BY min(created_at) DESC, root_id DESC) AS age_rank
    FROM execution GROUP BY root_id
    HAVING min(created_at) <= coalesce($as_of::TIMESTAMP, 'infinity')
)
WHERE has_ended AND (created_at < $created_before::TIMESTAMP OR age_rank > $keep::BIGINT)
ORDER BY created_at, root_id;

-- notebooks_of
-- The output notebooks of families, by the ids of their roots, and of single executions.
SELECT notebook_path, root_id::VARCHAR AS root_id FROM execution
WHERE (root_id IN (SELECT unnest($ids::UUID[])) OR execution_id IN (SELECT unnest($ids::UUID[])))
  AND notebook_path IS NOT NULL;

-- prune
-- Delete families, by the ids of their roots, and single executions.
DELETE FROM event WHERE root_id IN (SELECT unnest($ids::UUID[]))
    OR execution_id IN (SELECT unnest($ids::UUID[]));
DELETE FROM log WHERE root_id IN (SELECT unnest($ids::UUID[]))
    OR execution_id IN (SELECT unnest($ids::UUID[]));
DELETE FROM cell_run WHERE root_id IN (SELECT unnest($ids::UUID[]))
    OR execution_id IN (SELECT unnest($ids::UUID[]));
DELETE FROM message WHERE root_id IN (SELECT unnest($ids::UUID[]))
    OR execution_id IN (SELECT unnest($ids::UUID[]));
DELETE FROM execution WHERE root_id IN (SELECT unnest($ids::UUID[]))
    OR execution_id IN (SELECT unnest($ids::UUID[]))
