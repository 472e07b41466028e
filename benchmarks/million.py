"""A home with a million executions, and how long the engine takes to answer about it.

`python benchmarks/million.py [FOLDER]` makes the home, if it is not there, and prints how
long each query takes over HTTP. Families have 1 to 1,000 members and are up to 50 levels
deep; each execution has three events, two cell runs and a line in the log.
"""

import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from flowkernel.client.client import Client
from flowkernel.home import Home
from flowkernel.store import Store

EXECUTIONS = 1_000_000
CHUNK = 250_000
#: How many members a family has.
SIZE = """CASE WHEN f % 400 = 0 THEN 1000 WHEN f % 20 = 0 THEN 20 + f % 100
    WHEN f % 3 = 0 THEN 2 + f % 9 ELSE 1 END"""
#: Members: a family is a comb (a line of 50, the others hang from it) or has 4 children each.
FAMILIES = """
CREATE TEMP TABLE family AS
WITH sized AS (
    SELECT f, f % 400 = 0 AS is_comb, $size AS size FROM range($count) t(f)
)
SELECT f, is_comb, size, sum(size) OVER (ORDER BY f) - size AS start FROM sized
QUALIFY start < $count;
CREATE TEMP TABLE member AS
SELECT f, start, is_comb, m, start + m AS g,
    CASE WHEN m = 0 THEN NULL WHEN NOT is_comb THEN start + (m - 1) // 4
         WHEN m < 51 THEN start + m - 1 ELSE start + m % 50 END AS parent_g,
    CASE WHEN is_comb THEN if(m < 51, m, m % 50 + 1)
         ELSE CAST(floor(log(3 * m + 1) / log(4) + 1e-9) AS INTEGER) END AS depth
FROM family, range(1000) t(m) WHERE m < size AND start + m < $count;
CREATE MACRO moment(g) AS TIMESTAMP '2025-11-01' + to_milliseconds(CAST(g * 30000 AS BIGINT));
CREATE MACRO id(g, kind) AS CAST(
    printf('%012x', epoch_ms(moment(g)) :: BIGINT) || printf('7%03x8%03x', g % 4096, kind)
    || printf('%012x', g) AS UUID);
CREATE TEMP TABLE born AS
SELECT g, id(g, 0) AS execution_id, id(start, 0) AS root_id,
    'flow ' || g % 200 AS flow_name, sha256('version ' || g % 1000) AS flow_version,
    CASE WHEN g % 37 = 0 THEN 'ENDED_ERROR' ELSE 'ENDED_SUCCESS' END AS status,
    moment(g) AS created_at, if(parent_g IS NULL, NULL, id(parent_g, 0)) AS parent_id, depth,
    if(parent_g IS NULL, NULL, 'flow ' || g % 200 || '#' || g) AS call_key,
    json_object('day', moment(g)::DATE::VARCHAR, 'n', g, 'region', g % 12) AS inputs,
    json_object('total', g * 1.5, 'rows', g % 1000) AS output
FROM member
"""
ENVIRONMENT = (
    '{"interpreter":"/usr/bin/python3","kernel_name":null,"prefix":"/usr","cwd":"/"}'
)
EXECUTION_COLUMNS = """
    execution_id, root_id, type, flow_name, flow_version, name, status, created_at,
    status_message, parent_id, depth, call_key, retry_of, inputs, output, error, environment,
    on_lost, cell_timeout, started_by, started_at, ended_at, is_archived, notebook_path,
    worker, losses, cell_count, requested_action, last_seq"""
#: The rows of each table. Other columns of `execution` have their defaults.
TABLES = {
    f"execution ({EXECUTION_COLUMNS})": f"""
    SELECT execution_id, root_id, 'FLOW', flow_name, flow_version, flow_name, status,
        created_at, if(status = 'ENDED_ERROR', 'Cell 2 of 2: ValueError: no', NULL), parent_id,
        depth, call_key, NULL, inputs, output,
        if(status = 'ENDED_ERROR', '{{"name":"ValueError","message":"no"}}', NULL),
        '{ENVIRONMENT}', 'run_again', NULL, 'ada on laptop', created_at + INTERVAL 1 SECOND,
        created_at + INTERVAL 9 SECOND, false, 'notebooks/2026-01/' || execution_id || '.ipynb',
        'w-1', 0, 2, NULL, g * 4 + 4
    FROM born""",
    "event": f"""
    SELECT g * 4 + 1 + n, id(g, 1 + n), execution_id, root_id,
        ['created', 'started', 'ended'][n + 1],
        created_at + to_seconds([0, 1, 9][n + 1]), 'ada on laptop',
        CASE n WHEN 0 THEN json_object('execution_id', execution_id, 'root_id', root_id,
            'type', 'FLOW', 'flow_name', flow_name, 'flow_version', flow_version,
            'name', flow_name, 'status', 'QUEUED', 'created_at', created_at::VARCHAR || 'Z',
            'parent_id', parent_id, 'depth', depth, 'call_key', call_key, 'inputs', inputs,
            'environment', '{ENVIRONMENT}'::JSON)
        WHEN 1 THEN '{{"worker":"w-1"}}' ELSE json_object('status', status) END
    FROM born, range(3) t(n)""",
    "cell_run": """
    SELECT id(g, 8 + n), execution_id, root_id, 'cell ' || n, n, n + 1, 'x = ' || n,
        sha256('cell ' || g % 1000),
        if(n = 1 AND status = 'ENDED_ERROR', 'ERROR', 'SUCCESS'),
        created_at + to_seconds(2 + n), created_at + to_seconds(3 + n), NULL, NULL, NULL,
        g * 4 + 3
    FROM born, range(2) t(n)""",
    "log": """
    SELECT g * 4 + 2, execution_id, root_id, created_at, 'stdout', 'row ' || g || ' done'
    FROM born""",
}
VERSIONS = """
INSERT INTO flow_version SELECT sha256('version ' || n), 'flow ' || n % 200, 'CELL',
    'x = ' || n, NULL, NULL, TIMESTAMP '2026-01-01', NULL FROM range(1000) t(n);
UPDATE meta SET value = $seq WHERE key = 'applied_seq';
UPDATE meta SET value = '' WHERE key = 'journal_id';
CHECKPOINT
"""


def make_home(home: Home, count: int = EXECUTIONS, *, size: str = SIZE) -> None:
    """Make a home with so many ended executions, which are not in its journal.

    Args:
        size: How many members family `f` has, as SQL.
    """
    home.prepare()
    Store(home.database, journal=home.journal).close()
    for path in home.journal.iterdir():
        path.unlink()
    with closing(duckdb.connect(str(home.database))) as connection:
        for sql in FAMILIES.replace("$size", size).split(";\n"):
            values = {"count": count} if "$count" in sql else None
            connection.execute(sql, values)
        for table, sql in TABLES.items():
            for start in range(0, count, CHUNK):
                among = f"g >= {start} AND g < {start + CHUNK}"
                connection.execute(
                    f"INSERT INTO {table} {sql} WHERE {among} ORDER BY g"
                )
        for sql in VERSIONS.split(";\n"):
            values = {"seq": str(count * 4)} if "$seq" in sql else None
            connection.execute(sql, values)


def duration_text(request: Callable[[], Any], times: int = 15) -> str:
    """The median and the longest of several requests, after a first one."""
    request()
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        request()
        durations.append((time.perf_counter() - started) * 1e3)
    return f"{median(durations):7.1f} ms   longest {max(durations):7.1f} ms"


def measure(home: Home) -> None:
    """Print how long each query takes over HTTP."""
    started = time.perf_counter()
    with Store(home.database, journal=home.journal):
        print(
            f"{'opening the store':40} {(time.perf_counter() - started) * 1e3:7.1f} ms"
        )
    with closing(Client(home)) as client:
        ids = client.sql(
            "SELECT root_id, (SELECT execution_id FROM execution e WHERE e.root_id = "
            "f.root_id AND depth = 50 LIMIT 1) FROM execution f WHERE created_at > "
            "'2026-06-01' GROUP BY root_id HAVING count(*) = 1000 LIMIT 1"
        )["rows"]
        root, deep = ids[0]
        newest = client.get("/execution?limit=1")[0]["execution_id"]
        queries = {
            "latest 50": "/execution?limit=50",
            "latest 50 that failed": "/execution?limit=50&status=ENDED_ERROR",
            "latest 50 of a flow": "/execution?limit=50&flow_name=flow%207",
            "latest 50 that run (none)": "/execution?limit=50&status=RUNNING",
            "latest 50 of no flow": "/execution?limit=50&flow_name=none",
            "tree of 1,000": f"/execution/{root}/tree",
            "ancestors at depth 50": f"/execution/{deep}/ancestors",
            "children of one": f"/execution?parent_id={root}",
            "one by its id": f"/execution/{deep}",
            "one by its end": f"/execution/{newest[-8:]}",
            "cell runs of one": f"/execution/{deep}/cell_run",
            "log of one": f"/execution/{deep}/log",
        }
        for name, path in queries.items():
            print(f"{name:40} {duration_text(lambda path=path: client.get(path))}")
        client.post("/engine/stop", {"force": False})


if __name__ == "__main__":
    home = Home(Path(sys.argv[1] if len(sys.argv) > 1 else "million").absolute())
    if not home.database.exists():
        begun = time.perf_counter()
        make_home(home)
        print(f"{'making the home':40} {time.perf_counter() - begun:7.1f} s")
    measure(home)
