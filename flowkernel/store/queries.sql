-- list_meta
-- Version and last number of the file, when it is opened.
SELECT key, value FROM meta;

-- save_meta
-- What the tables have taken in so far, in the transaction that takes it in.
UPDATE meta SET value = $value WHERE key = $key;

-- list_live
-- The executions that have not ended, when the file is opened.
SELECT * FROM execution WHERE NOT starts_with(status, 'ENDED_');

-- list_live_cells
-- Their cell runs. Of the ended ones, only that they exist is kept in memory.
SELECT * FROM cell_run WHERE execution_id = ANY($execution_ids::UUID[]);

-- list_live_calls
-- Which call started which child of theirs, oldest first.
SELECT parent_id, call_key, execution_id AS id FROM execution
WHERE root_id IN (
    SELECT root_id FROM execution WHERE execution_id = ANY($execution_ids::UUID[])
  ) AND parent_id = ANY($execution_ids::UUID[]) AND call_key IS NOT NULL
ORDER BY created_at, execution_id;

-- newest_execution_id
-- Every id above it is new: ids grow with time, so most births need no look-up.
SELECT max(execution_id) FROM execution;

-- newest_event_ids
-- To tell a repeated event when the caller heard no answer. Oldest first.
SELECT event_id FROM (SELECT seq, event_id FROM event ORDER BY seq DESC LIMIT $limit)
ORDER BY seq;

-- list_flows
-- All flows, when the file is opened.
SELECT * FROM flow;

-- list_version_hashes
-- All known versions, when the file is opened.
SELECT hash FROM flow_version;

-- get_version
-- One version with its source.
SELECT hash AS flow_version, flow_name, kind, source, setup_source, path
FROM flow_version WHERE hash = $flow_version;

-- delete_flows
-- Flows that are gone, or about to be written anew.
DELETE FROM flow WHERE name = ANY($names::VARCHAR[]);

-- get_execution
-- One execution.
SELECT * FROM execution WHERE execution_id = $execution_id;

-- list_executions
-- A page of executions, newest first; only those older than ($before_at, $before_id).
SELECT * FROM execution
WHERE ($status::VARCHAR IS NULL OR status = $status)
  AND ($flow_name::VARCHAR IS NULL OR flow_name = $flow_name)
  AND ($parent_id::UUID IS NULL OR parent_id = $parent_id::UUID)
  AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID)
  AND ($is_archived::BOOLEAN IS NULL OR is_archived = $is_archived)
  AND ($before_at::TIMESTAMP IS NULL OR created_at < $before_at
       OR (created_at = $before_at AND execution_id < $before_id::UUID))
ORDER BY created_at DESC, execution_id DESC LIMIT $limit;

-- match_ids
-- The ids among the newest $among executions that begin or end with $part.
SELECT id FROM (
    SELECT execution_id::VARCHAR AS id, created_at
    FROM execution ORDER BY created_at DESC LIMIT $among
) WHERE starts_with(id, $part) OR ends_with(id, $part)
ORDER BY created_at DESC LIMIT $limit;

-- family
-- A root and everything under it, parents first, each as JSON without what may be large.
SELECT execution_id::VARCHAR AS execution_id, parent_id::VARCHAR AS parent_id, to_json({
    execution_id: execution_id, root_id: root_id, type: type, flow_name: flow_name,
    flow_version: flow_version, name: name, status: status,
    created_at: strftime(created_at, '%Y-%m-%dT%H:%M:%S.%fZ'),
    status_message: status_message, parent_id: parent_id, depth: depth, call_key: call_key,
    retry_of: retry_of, on_lost: on_lost, cell_timeout: cell_timeout, started_by: started_by,
    started_at: strftime(started_at, '%Y-%m-%dT%H:%M:%S.%fZ'),
    ended_at: strftime(ended_at, '%Y-%m-%dT%H:%M:%S.%fZ'), is_archived: is_archived,
    notebook_path: notebook_path, worker: worker, losses: losses, cell_count: cell_count,
    asked: asked, parks: parks, is_interactive: is_interactive,
    parked_at: strftime(parked_at, '%Y-%m-%dT%H:%M:%S.%fZ'), last_seq: last_seq
})::VARCHAR AS text
FROM execution WHERE root_id = $root_id ORDER BY depth, created_at, execution_id;

-- called
-- What one call started, in whichever of some tries, oldest first.
SELECT * FROM execution
WHERE root_id = ANY($root_ids::UUID[]) AND parent_id = ANY($parent_ids::UUID[])
  AND call_key = $call_key
ORDER BY created_at, execution_id;

-- ancestors
-- The parent, its parent, and so on to the root, within one family.
WITH RECURSIVE family AS (
    SELECT execution_id, parent_id FROM execution WHERE root_id = $root_id
), line AS (
    SELECT * FROM family WHERE execution_id = $parent_id
    UNION ALL
    SELECT family.* FROM family JOIN line ON family.execution_id = line.parent_id
)
SELECT execution.* FROM execution JOIN line USING (execution_id)
WHERE root_id = $root_id ORDER BY depth DESC;

-- asked_times
-- When an execution, or something under it, waited for a person's answer: from, until.
WITH RECURSIVE under AS (
    SELECT execution_id FROM execution WHERE execution_id = $execution_id
    UNION ALL
    SELECT child.execution_id FROM execution child
    JOIN under ON child.parent_id = under.execution_id WHERE child.root_id = $root_id
), moves AS (
    SELECT kind, payload, happened_at AS begun, lead(happened_at) OVER (
        PARTITION BY execution_id ORDER BY seq
    ) AS ended
    FROM event WHERE root_id = $root_id AND execution_id IN (FROM under)
      AND kind IN ('waiting', 'resumed', 'paused', 'lost', 'ended')
)
SELECT begun, ended FROM moves
WHERE kind = 'waiting' AND payload->>'message_id' IS NOT NULL ORDER BY begun;

-- cell_runs
-- What ran in one execution, in the order in which it started.
SELECT * FROM cell_run WHERE execution_id = $execution_id
ORDER BY started_at, cell_index, cell_run_id;

-- log
-- What one execution logged after a number.
SELECT seq, execution_id, root_id, happened_at, stream, text FROM log
WHERE execution_id = $execution_id AND seq > $after_seq ORDER BY seq LIMIT $limit;

-- events_after
-- What happened after a number: in all, in one family, or to one execution.
SELECT * FROM event
WHERE seq > $seq AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID)
  AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
ORDER BY seq LIMIT $limit;

-- logged_after
-- The same for what was logged.
SELECT seq, execution_id, root_id, happened_at, stream, text FROM log
WHERE seq > $seq AND ($root_id::UUID IS NULL OR root_id = $root_id::UUID)
  AND ($execution_id::UUID IS NULL OR execution_id = $execution_id::UUID)
ORDER BY seq LIMIT $limit;

-- list_messages
-- The newest messages, newest first.
SELECT * FROM message ORDER BY created_at DESC, message_id DESC LIMIT $limit;

-- list_live_messages
-- What they sent. Of what is not open, only that it exists is kept in memory.
SELECT * FROM message WHERE execution_id = ANY($execution_ids::UUID[]);

-- messages_of
-- What one execution sent, oldest first.
SELECT * FROM message WHERE execution_id = $execution_id ORDER BY created_at, message_id;

-- get_message
-- One message.
SELECT * FROM message WHERE message_id = $message_id;

-- all_events
-- Everything that happened, execution by execution: what `rebuild` folds.
SELECT * FROM event ORDER BY execution_id, seq;

-- clear_folds
-- What `rebuild` makes anew.
DELETE FROM execution;
DELETE FROM cell_run;
DELETE FROM message;

-- prunable
-- Families, oldest first, all of which ended: those older than $before, and those beyond the
-- newest $keep of all families.
SELECT root_id, executions FROM (
    SELECT root_id, count(*) AS executions, min(created_at) AS created_at,
        bool_and(starts_with(status, 'ENDED_')) AS is_over,
        row_number() OVER (ORDER BY min(created_at) DESC, root_id DESC) AS place
    FROM execution GROUP BY root_id
)
WHERE is_over AND (created_at < $before::TIMESTAMP OR place > $keep::BIGINT)
ORDER BY created_at, root_id;

-- notebooks_of
-- The output notebooks of some families, and of some executions.
SELECT notebook_path FROM execution
WHERE (root_id IN (SELECT unnest($ids::UUID[])) OR execution_id IN (SELECT unnest($ids::UUID[])))
  AND notebook_path IS NOT NULL;

-- prune
-- Families that go, by their roots; and executions, by their own ids.
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
