"""SQL under load: whatever is asked, it ends in time, and everything else is answered."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from flowkernel.client import copy_notice
from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineUnreachable, SqlBusy, SqlRefused
from flowkernel.home import EngineFile, Home
from tests.conftest import a_home, engines_of, kill_engine, processes_of, until

pytestmark = pytest.mark.kernel  # Two seconds for each of many.
RECORDED = {"source": {"name": "job", "kind": "SCRIPT", "source": "1"}, "run": False}
LIMIT = 1.0  #: Seconds of a query in these tests.
MEGABYTES = 256
#: Queries that would take minutes, or all memory, each in another part of DuckDB.
BOMBS = {
    "sleep": "SELECT sleep_ms(100000)",
    "cross join": "SELECT count(*) FROM range(10000000) a, range(10000000) b",
    "recursion": "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t) "
    "SELECT max(n) FROM t",
    "doubled text": "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s||s FROM t) "
    "SELECT max(length(s)) FROM t",
    "a list": "SELECT len(range(1000000000))",
    "a longer list": "SELECT list_resize([1], 2000000000)",
    "a text": "SELECT repeat('x', 400000000)",
    "many texts": "SELECT repeat('x', 3000000) FROM range(1000)",
    "a padded text": "SELECT lpad('x', 2000000000, 'y')",
    "bits": "SELECT bitstring('1', 2000000000)",
    "a replacement": "SELECT replace(repeat('a', 10000000), 'a', repeat('b', 1000))",
    "lambdas": "SELECT len(list_transform(range(50000000), lambda x: repeat('y', 1000)))",
    "a series": "SELECT generate_series(timestamp '1000-01-01', timestamp '9999-01-01', "
    "interval 1 microsecond)",
    "a product of texts": "SELECT levenshtein(repeat('x', 200000), repeat('y', 200000))",
    "a search": "SELECT contains(repeat('a', 100000000), repeat('a',5000000)||'b')",
    "a sort": "SELECT * FROM range(10000000000) ORDER BY hash(range)",
    "groups": "SELECT count(DISTINCT range) FROM range(10000000000)",
    "many CTEs": "WITH "
    + ", ".join(
        f"t{n} AS (SELECT * FROM "
        + (f"t{n - 1} a, t{n - 1} b" if n else "execution")
        + ")"
        for n in range(25)
    )
    + " SELECT count(*) FROM t24",
    "many tables": "SELECT * FROM " + ", ".join(f"execution t{n}" for n in range(300)),
    "nesting": "SELECT " + "[" * 20_000 + "]" * 20_000,
}
SECRET = "TOPSECRET"
#: Ways to read a file, to write one, or to change something.
LEAKS = """
SELECT * FROM '{file}'
SELECT * FROM "{file}"
SELECT * FROM main."{file}"
FROM '{file}'
TABLE '{file}'
SUMMARIZE '{file}'
DESCRIBE '{file}'
SELECT * FROM read_csv('{file}')
SELECT * FROM read_csv_auto('{file}')
SELECT * FROM read_text('{file}')
SELECT * FROM "read_text"('{file}')
SELECT * FROM system.main.read_text('{file}')
SELECT * FROM read_blob('{file}')
SELECT * FROM read_json('{file}')
SELECT * FROM read_parquet('{file}')
SELECT * FROM glob('{home}/*')
SELECT * FROM sniff_csv('{file}')
SELECT * FROM read_duckdb('{home}/flowkernel.duckdb')
SELECT * FROM query('SELECT * FROM read_text(''{file}'')')
SELECT * FROM query_table('{file}')
SELECT (SELECT content FROM read_text('{file}'))
SELECT 1 UNION ALL SELECT content FROM read_text('{file}')
SELECT * FROM execution, LATERAL (SELECT * FROM read_text(name))
SELECT list(x) FROM (SELECT * FROM read_blob('{file}')) x
/**/SELECT/**/*/**/FROM/**/read_text('{file}')
SELECT json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''{file}'')'))
SELECT json_serialize_plan('SELECT * FROM read_text(''{file}'')')
COPY execution TO '{home}/backup/out.csv'
WITH x AS (COPY execution TO '{home}/backup/out.csv') SELECT 1
COPY (SELECT 1) TO '{home}/out.csv'
EXPORT DATABASE '{home}/backup/out'
ATTACH '{home}/backup/out.duckdb' AS x
INSTALL httpfs
SET memory_limit = '100GB'
SET enable_external_access = true
WITH x AS MATERIALIZED (DELETE FROM execution RETURNING *) SELECT * FROM x
WITH x AS (INSERT INTO meta VALUES ('a', 'b') RETURNING *) SELECT * FROM x
SELECT 1; DROP TABLE execution
SELECT * FROM checkpoint()
SELECT * FROM duckdb_secrets()
SELECT getenv('FLOWKERNEL_HOME')
SELECT nextval('x')
EXPLAIN ANALYZE SELECT 1
""".strip().splitlines()


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose queries may take little."""
    with a_home(tmp_path_factory.mktemp("home")) as home:
        with (
            pytest.MonkeyPatch.context() as patch
        ):  # For the engine alone, as it starts.
            patch.setenv("FLOWKERNEL_SQL_SECONDS", str(LIMIT))
            patch.setenv("FLOWKERNEL_SQL_MEGABYTES", str(MEGABYTES))
            Client(home).start(RECORDED)
        yield home


def warm_client(home: Home) -> Client:
    """A client of an engine whose reader is there."""
    client = Client(home)
    client.get("/engine")

    def is_warm() -> bool:
        with suppress(SqlBusy):
            return bool(client.sql("SELECT 1"))
        return False

    until(is_warm)
    return client


def readers_of(home: Home) -> list[psutil.Process]:
    """The SQL readers of a home."""
    return processes_of(home, "flowkernel.store.sql_reader")


@pytest.mark.parametrize("name", BOMBS)
def test_a_query_ends_in_time_and_takes_no_more_memory_than_it_may(small_home, name):
    client = Client(small_home)
    client.sql("SELECT 1")
    [engine] = engines_of(small_home)
    began = monotonic()

    with pytest.raises(SqlRefused, match=r"longer than 1 sec|more than 256 MB|Parser"):
        client.sql(BOMBS[name])

    assert monotonic() - began < LIMIT + 2
    assert engine.memory_info().rss < 300 * 1024 * 1024
    assert client.sql("SELECT count(*) FROM execution")["rows"] == [[1]]
    peaks = [Path(f"/proc/{p.pid}/status").read_text() for p in readers_of(small_home)]
    assert all(peak_megabytes(status) < 200 + MEGABYTES for status in peaks)


def peak_megabytes(status: str) -> int:
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines["VmHWM"].split()[0]) // 1024


def test_sixty_four_slow_queries_leave_everything_else_quick(small_home):
    client = Client(small_home)
    execution = client.start(RECORDED)
    client.sql("SELECT 1")

    with ThreadPoolExecutor(64) as pool, http_client(small_home) as http:
        body = {"sql": "SELECT sleep_ms(100000)"}
        replies = [pool.submit(http.post, "sql", json=body) for _ in range(64)]
        began = monotonic()
        for _ in range(10):
            client.start(RECORDED)
            client.get_execution(execution.execution_id)
            client.list_executions(limit=5)
        seconds = monotonic() - began
        codes = [reply.result().json()["code"] for reply in replies]
        busy = [
            reply.result() for reply in replies if reply.result().status_code == 429
        ]

    assert seconds < LIMIT * 2
    assert set(codes) == {"SqlRefused", "SqlBusy"}
    assert codes.count("SqlRefused") >= 8
    assert codes.count("SqlBusy") == len(busy)
    assert int(busy[0].headers["Retry-After"]) >= 1


def http_client(home: Home) -> httpx.Client:
    """One that sends 64 requests at a time."""
    engine = EngineFile.read(home)
    assert engine is not None
    return httpx.Client(
        base_url=f"{engine.url}/api/latest/",
        headers={"Authorization": f"Bearer {engine.token}"},
        timeout=60,
    )


@pytest.mark.parametrize("sql", LEAKS, ids=lambda sql: sql[:50])
def test_no_query_reads_a_file_writes_one_or_changes_anything(
    small_home, tmp_path, sql
):
    client = Client(small_home)
    file = tmp_path / "secret.csv"
    file.write_text(f"a,b\n{SECRET},2\n")
    before = client.sql("SELECT count(*) FROM execution")["rows"]

    with pytest.raises((SqlRefused, SqlBusy)) as refused:
        client.sql(
            sql.replace("{file}", str(file)).replace("{home}", str(small_home.path))
        )

    assert SECRET not in str(refused.value)
    assert os.listdir(small_home.backup) == []
    assert (
        warm_client(small_home).sql("SELECT count(*) FROM execution")["rows"] == before
    )


def test_the_reader_ends_with_its_engine_however_that_ends(own_home, monkeypatch):
    monkeypatch.setenv("FLOWKERNEL_SQL_SECONDS", "3")
    client = Client(own_home)
    client.start(RECORDED)
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(Client(own_home).sql, "SELECT sleep_ms(100000)")
        [reader] = until(lambda: readers_of(own_home))
        until(lambda: client.get("/engine")["sql_reader"]["state"] == "ready")
        kill_engine(own_home)

        until(lambda: not reader.is_running(), seconds=5)
        # The next engine was asked, or none, as the first had begun with it.
        with pytest.raises((SqlRefused, SqlBusy, EngineUnreachable)):
            reply.result(60)
    rows = warm_client(own_home).sql("SELECT count(*) FROM execution")["rows"]
    assert rows == [[1]]
    assert len(readers_of(own_home)) == 1


def test_no_reader_runs_before_the_first_query(own_home):
    client = Client(own_home)
    client.start(RECORDED)

    assert client.get("/engine")["sql_reader"] == {"state": "none", "pid": None}
    assert readers_of(own_home) == []
    client.sql("SELECT 1")
    assert client.get("/engine")["sql_reader"]["pid"] == readers_of(own_home)[0].pid


def test_who_waits_for_the_copy_is_told_so(own_home, monkeypatch):
    client = Client(own_home)
    client.start(RECORDED)
    status = client.get("/engine") | {"sql_reader": {"state": "starting", "pid": None}}
    monkeypatch.setattr(copy_notice, "NOTE_SECONDS", 0.01)
    monkeypatch.setattr(client, "get", lambda _: status)
    sentences: list[str] = []

    client.sql("SELECT sleep_ms(200)", on_wait=sentences.append)

    assert len(sentences) == 1
    assert (
        f"Copying the database for SQL ({status['database_bytes']:,} bytes)"
        in sentences[0]
    )


def test_who_waits_for_a_query_alone_is_told_nothing(own_home, monkeypatch):
    client = Client(own_home)
    client.sql("SELECT 1")
    monkeypatch.setattr(copy_notice, "NOTE_SECONDS", 0.01)
    sentences: list[str] = []

    client.sql("SELECT sleep_ms(300)", on_wait=sentences.append)

    assert sentences == []
