-- The tables as they are today. Moments are naive UTC; JSON is exact text.
-- No primary key, index or foreign key: they slow DuckDB down, break updates and have
-- corrupted files. The writer keeps ids unique.

CREATE TABLE meta (
    key VARCHAR NOT NULL,    -- schema_version, applied_seq, db_id, journal_id, applied_frame
    value VARCHAR NOT NULL
);

-- What happened, in order. Rows are only added; `execution`, `cell_run` and `message` are made
-- from these.
CREATE TABLE event (
    seq BIGINT NOT NULL,
    event_id UUID NOT NULL,
    execution_id UUID NOT NULL,
    root_id UUID NOT NULL,
    kind VARCHAR NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    actor VARCHAR NOT NULL,
    payload JSON NOT NULL
);

-- What executions printed and logged: events of kind `logged`, in a table of their own because
-- there are many.
CREATE TABLE log (
    seq BIGINT NOT NULL,
    execution_id UUID NOT NULL,
    root_id UUID NOT NULL,
    happened_at TIMESTAMP NOT NULL,
    stream VARCHAR NOT NULL,
    text VARCHAR NOT NULL
);

-- The current state of each execution.
CREATE TABLE execution (
    execution_id UUID NOT NULL,
    root_id UUID NOT NULL,
    type VARCHAR NOT NULL,
    flow_name VARCHAR NOT NULL,
    flow_version VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,
    status_message VARCHAR,
    parent_id UUID,          -- who started it
    adopted_by UUID,         -- whose child it is now, if a retry of its parent adopted it
    depth INTEGER NOT NULL,
    call_key VARCHAR,
    retry_of UUID,
    inputs JSON,
    defaults JSON,           -- of the parameters that got no input
    output JSON,
    error JSON,
    environment JSON NOT NULL,
    on_lost VARCHAR NOT NULL,
    cell_timeout DOUBLE,     -- seconds
    started_by VARCHAR NOT NULL,
    started_at TIMESTAMP,
    ended_at TIMESTAMP,
    is_archived BOOLEAN NOT NULL,
    notebook_path VARCHAR,
    worker VARCHAR,
    losses INTEGER NOT NULL,
    cell_count INTEGER,
    requested_action VARCHAR, -- cancel, pause or resume, until it is done
    wrapped JSON,            -- of a wrapper: what it runs
    parks BOOLEAN NOT NULL DEFAULT false,
    keeps_kernel BOOLEAN NOT NULL DEFAULT false, -- after its end, for people
    is_interactive BOOLEAN NOT NULL DEFAULT false,
    is_attended BOOLEAN,     -- whether a person is there, as its start said
    failure JSON,            -- of the cell that failed: what a person needs to know
    parked_at TIMESTAMP,     -- since when its kernel is kept alive
    parked_until TIMESTAMP,  -- until when at the latest, if it has ended
    decision JSON,           -- what was decided on its failure
    -- what people did; of a wrapper: to what it runs
    skipped_cells INTEGER NOT NULL DEFAULT 0,
    mended_cells INTEGER NOT NULL DEFAULT 0,
    retried_cells INTEGER NOT NULL DEFAULT 0,
    decided_by VARCHAR,      -- who decided last on a failure of it
    decided_under VARCHAR,   -- the same, on a failure under it
    inputs_changed_by VARCHAR, -- who retried with other inputs
    replaced_inputs JSON,    -- what these inputs were before that
    asked_at TIMESTAMP,      -- since when it waits for a person itself, or is paused
    asked_message_id UUID,   -- the message that it waits, or waited last, for
    waiting_since TIMESTAMP, -- since when it, or one under it, waits for a person
    waiting_children INTEGER NOT NULL DEFAULT 0, -- how many next under it do so
    answer_seconds DOUBLE NOT NULL DEFAULT 0, -- how long it, or one under it, did so
    answer_waits JSON,       -- when
    variables JSON,          -- environment variables of its start: names, and a file
    last_seq BIGINT NOT NULL
);

-- One row for each time that a cell ran.
CREATE TABLE cell_run (
    cell_run_id UUID NOT NULL,
    execution_id UUID NOT NULL,
    root_id UUID NOT NULL,
    cell_id VARCHAR NOT NULL,
    cell_index INTEGER NOT NULL,
    cell_number INTEGER,     -- as the author of the notebook counts
    first_line VARCHAR,      -- of its source
    source_hash VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP,
    error_name VARCHAR,
    error_message VARCHAR,
    traceback VARCHAR,
    last_seq BIGINT NOT NULL
);

-- What executions sent to people.
CREATE TABLE message (
    message_id UUID NOT NULL,
    execution_id UUID NOT NULL,
    root_id UUID NOT NULL,
    subject VARCHAR NOT NULL,
    message VARCHAR,         -- Markdown
    message_type VARCHAR NOT NULL,
    created_at TIMESTAMP NOT NULL,
    status VARCHAR NOT NULL DEFAULT 'NOTE',
    body JSON,               -- the form, as a JSON schema
    call_key VARCHAR,
    about_id UUID,           -- the failed execution that it asks about
    expires_at TIMESTAMP,
    outlives BOOLEAN NOT NULL DEFAULT false, -- the end of its execution does not close it
    response JSON,
    answered_by VARCHAR,
    answered_from VARCHAR,
    answered_at TIMESTAMP,
    closed_at TIMESTAMP,
    closed_why VARCHAR,
    last_seq BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE flow (
    name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    setup VARCHAR,
    path VARCHAR,
    description VARCHAR,
    environment JSON NOT NULL,
    on_lost VARCHAR NOT NULL,
    cell_timeout DOUBLE,     -- seconds
    wrappers JSON,           -- name and inputs, outermost first
    is_wrapper BOOLEAN NOT NULL DEFAULT false,
    parameters JSON,         -- declared besides those of its source
    flow_version VARCHAR NOT NULL,
    registered_at TIMESTAMP
);

-- Every source that ever ran, by its hash: execution.flow_version is that hash.
CREATE TABLE flow_version (
    hash VARCHAR NOT NULL,
    flow_name VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    setup_source VARCHAR,
    path VARCHAR,
    created_at TIMESTAMP NOT NULL,
    parameters JSON          -- declared besides those of its source
);
