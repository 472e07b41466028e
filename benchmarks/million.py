"""A home with very many executions that ended, made by SQL in seconds. For now.

Families have 10 members, but one has 1,000, and one is a line that goes 50 levels down.
"""

from pathlib import Path

import duckdb

from flowkernel.home import Home
from flowkernel.store import Store

MAKE = """
CREATE TEMP TABLE member AS
WITH n AS (
    SELECT range AS i, CASE
        WHEN range < 1000 THEN 0 WHEN range < 1051 THEN 1000
        ELSE 1051 + (range - 1051) // 10 * 10 END AS root
    FROM range($executions)
)
SELECT i, root, CASE
    WHEN i = root THEN NULL WHEN root = 1000 THEN i - 1 ELSE root END AS parent,
    CASE WHEN root = 1000 THEN i - 1000 ELSE (i <> root)::INTEGER END AS depth,
    TIMESTAMP '2026-01-01' + to_milliseconds(i * 20) AS moment
FROM n;
CREATE TEMP MACRO id(i) AS
    (printf('%08x-0000-7000-8000-%012x', (i // 1000 + 16777216)::BIGINT, i::BIGINT))::UUID;
INSERT INTO execution BY NAME
SELECT id(i) AS execution_id, id(root) AS root_id, 'FLOW' AS type, 'report' AS flow_name,
    'none' AS flow_version, 'report ' || i AS name, 'ENDED_SUCCESS' AS status,
    moment AS created_at, id(parent) AS parent_id, depth, '{"n": ' || i || '}' AS inputs,
    '{}' AS environment, 'run_again' AS on_lost, 'person' AS started_by,
    moment AS started_at, moment + INTERVAL 1 SECOND AS ended_at, false AS is_archived,
    'worker-1' AS worker, 0 AS losses, 2 AS cell_count, 3 * i + 3 AS last_seq
FROM member ORDER BY i;
INSERT INTO event BY NAME
SELECT 3 * i + k + 1 AS seq, id(3 * i + k) AS event_id, id(i) AS execution_id,
    id(root) AS root_id, ['created', 'started', 'ended'][k + 1] AS kind,
    moment AS happened_at, '' AS actor, '{}' AS payload
FROM member, (SELECT unnest([0, 1, 2]) AS k) ORDER BY seq;
INSERT INTO cell_run BY NAME
SELECT id(2 * i + k) AS cell_run_id, id(i) AS execution_id, id(root) AS root_id,
    'cell-' || k AS cell_id, k AS cell_index, 'none' AS source_hash,
    'SUCCESS' AS status, moment AS started_at, moment AS ended_at, 3 * i + 3 AS last_seq
FROM member, (SELECT unnest([0, 1]) AS k) ORDER BY i, k;
UPDATE meta SET value = (3 * $executions)::VARCHAR WHERE key = 'applied_seq';
"""


def make_home(path: Path, executions: int) -> None:
    """A home of that many; its engine has never run."""
    home = Home(path)
    home.prepare()
    with Store(home.database):
        pass  # The tables are there now.
    with duckdb.connect(home.database) as connection:
        for statement in filter(str.strip, MAKE.split(";\n")):
            wants = "$executions" in statement
            connection.execute(statement, {"executions": executions} if wants else None)
        connection.execute("CHECKPOINT")
