"""Queries in SQL from outside: answered, or refused with nothing changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowkernel.core.errors import SqlRefused
from flowkernel.core.models import Flow, FlowKind
from flowkernel.store import SqlLimits, Store
from flowkernel.store.database import is_disk_full

#: Seconds for a query whose time is not tested, as the machine may be busy.
PATIENT = 60
COUNT = "SELECT count(*) FROM flow"
TABLES = [
    "cell_run",
    "event",
    "execution",
    "flow",
    "flow_version",
    "log",
    "message",
    "meta",
]
HARMFUL = [
    "INSERT INTO flow VALUES ('x')",
    "UPDATE flow SET name = 'x'",
    "DELETE FROM flow",
    "WITH x AS (DELETE FROM flow RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO flow SELECT * FROM flow RETURNING *) SELECT * FROM x",
    "WITH x AS (UPDATE flow SET name = 'x' RETURNING *) SELECT * FROM x",
    "WITH x AS (COPY flow TO '{folder}/x.csv') SELECT 1",
    "SELECT * FROM (WITH x AS (DELETE FROM flow RETURNING *) SELECT * FROM x)",
    "COPY flow TO '{folder}/x.csv'",
    "EXPORT DATABASE '{folder}/x'",
    "SELECT * FROM read_csv('{folder}/in.csv')",
    "SELECT * FROM main.read_csv('{folder}/in.csv')",
    "SELECT * FROM '{folder}/in.csv'",
    "DESCRIBE '{folder}/in.csv'",
    "SELECT * FROM sniff_csv('{folder}/in.csv')",
    "SELECT * FROM glob('{folder}/*')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT octet_length(content) FROM read_blob('{database}')",
    "SELECT (SELECT max(octet_length(content)) FROM read_blob('{database}'))",
    "SELECT * FROM query('SELECT * FROM read_blob(''{database}'')')",
    "SELECT json_serialize_plan('SELECT * FROM read_csv(''{database}'')')",
    "SELECT * FROM store.duckdb",
    "SELECT * FROM json_execute_serialized_sql('')",
    "FROM checkpoint()",
    "ATTACH '{folder}/x.duckdb'",
    "ATTACH '{database}' AS x",
    "DETACH store",
    "SET threads = 1",
    "RESET memory_limit",
    "PRAGMA threads = 1",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SELECT 1; SELECT 2",
    "COMMIT; DELETE FROM flow",
    "SELECT 1; COMMIT; DELETE FROM flow",
    "",
    "-- only a comment",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE VIEW x AS SELECT 1",
    "DROP TABLE flow",
    "CHECKPOINT",
    "BEGIN",
    "CALL enable_logging()",
    "EXPLAIN ANALYZE DELETE FROM flow",
    "EXPLAIN ANALYZE SELECT 1",
    "EXPLAIN DELETE FROM flow",
    "EXPLAIN (ANALYZE) SELECT 1",
    "PREPARE x AS SELECT 1",
    "SELECT * FROM nowhere",
    "SELEC 1",
    "SELECT '\ud800'",
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("writable")
    (folder / "in.csv").write_text("a,b\n1,2\n")
    return folder


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home") / "store.duckdb"


@pytest.fixture(scope="module")
def store(folder: Path, database: Path) -> Iterator[Store]:
    """On disk, as only then DuckDB would allow a query to read the database file."""
    with Store(database, writable_folder=folder) as store:
        store.save_flow(Flow(name="kept", kind=FlowKind.CELL, source="1"))
        yield store


def test_a_pivot_is_refused_with_another_way(store):
    with pytest.raises(SqlRefused, match=r"several statements.*PIVOT"):
        store.query("PIVOT execution ON status USING count(*)", SqlLimits(5, 10))


@pytest.mark.parametrize("sql", HARMFUL, ids=lambda sql: ascii(sql[:60]))
def test_what_is_not_a_query_is_refused_and_changes_nothing(
    store, folder, database, sql
):
    text = sql.replace("{folder}", str(folder)).replace("{database}", str(database))

    for query in (store.query, store.query_arrow):
        with pytest.raises(SqlRefused) as refused:
            query(text, SqlLimits(5, 10))

        assert len(str(refused.value)) > 10
    assert [flow.name for flow in store.list_flows()] == ["kept"]
    assert store.query(COUNT, SqlLimits(5, 1)).rows == [[1]]
    assert store.query("SHOW TABLES", SqlLimits(5, 99)).rows == [[t] for t in TABLES]
    assert sorted(path.name for path in folder.iterdir()) == ["in.csv"]


@pytest.mark.parametrize(
    "sql",
    [
        COUNT,
        COUNT + ";",
        "FROM main.flow",
        "WITH x AS (FROM flow) SELECT name FROM x UNION ALL SELECT name FROM x",
        "WITH RECURSIVE x AS (SELECT 1 a UNION ALL SELECT a + 1 FROM x WHERE a < 3) FROM x",
        "EXPLAIN SELECT 1",
        "DESCRIBE flow",
        "SUMMARIZE flow",
        "SHOW TABLES",
        "VALUES (1)",
        "SELECT * FROM range(3), generate_series(1, 2), unnest([1])",
        "SELECT * FROM information_schema.tables",
        "SELECT list_transform([1], lambda x: x + 1)",
        "SELECT happened_at FROM event",
        "SELECT name FROM flow WHERE registered_at > now() - INTERVAL 1 DAY",
    ],
)
def test_queries_are_answered(store, sql):
    assert store.query(sql, SqlLimits(5, 10)).columns


@pytest.mark.parametrize("method", ["query", "query_arrow"])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(10000000000) a, range(1000) b",
        "WITH RECURSIVE x AS (SELECT 1 a UNION ALL SELECT 1 FROM x) SELECT max(a) FROM x",
    ],
)
def test_an_endless_query_is_stopped(store, method, sql):
    with pytest.raises(SqlRefused, match=r"longer than 0\.05 seconds"):
        getattr(store, method)(sql, SqlLimits(0.05, 10))

    assert store.query(COUNT, SqlLimits(5, 1)).rows == [[1]]


def test_too_many_rows_are_cut(store):
    assert store.query("FROM range(3)", SqlLimits(5, 3)).is_cut is False

    result = store.query("FROM range(1000000000)", SqlLimits(PATIENT, 2))

    assert (result.rows, result.is_cut) == ([[0], [1]], True)


@pytest.mark.parametrize("wide", ["repeat('x', 1000000)", "[repeat('x', 1000000)]"])
def test_a_result_with_too_many_bytes_is_cut(store, wide):
    """Also if each row has a megabyte: it does not come into memory first."""
    result = store.query(
        f"SELECT {wide} FROM range(1000)", SqlLimits(PATIENT, 9_999, 3_500_000)
    )

    assert (len(result.rows), result.is_cut) == (3, True)
    assert store.query(COUNT, SqlLimits(5, 1)).rows == [[1]]


def test_an_arrow_result_with_too_many_bytes_is_cut(store):
    sql = "SELECT repeat('x', 1000) FROM range(100000)"

    assert (
        len(store.query_arrow(sql, SqlLimits(PATIENT, 100_000, 5_000_000))) <= 5_000_000
    )


def test_values_that_are_not_json_become_json(store):
    result = store.query(
        """SELECT 'nan'::DOUBLE, 'inf'::DOUBLE, 1.5::DECIMAL(9, 2), TIMESTAMP '2026-01-01',
        DATE '2026-01-01', INTERVAL 90 SECOND, '\\x01'::BLOB, {'a': [1]}, MAP {1: 'x'},
        '00000000-0000-7000-8000-000000000000'::UUID, 10::HUGEINT, NULL, true""",
        SqlLimits(5, 1),
    )

    assert result.rows[0][:4] == [None, None, 1.5, "2026-01-01T00:00:00"]
    assert result.rows[0][4:9] == ["2026-01-01", 90.0, "01", {"a": [1]}, {"1": "x"}]
    assert result.rows[0][9:] == [
        "00000000-0000-7000-8000-000000000000",
        10,
        None,
        True,
    ]
    assert result.types[:3] == ["DOUBLE", "DOUBLE", "DECIMAL(9,2)"]


def test_arrow_is_cut_too(store):
    import nanoarrow
    from nanoarrow.ipc import InputStream

    stream = store.query_arrow("SELECT range a FROM range(100000)", SqlLimits(5, 5))

    array = nanoarrow.ArrayStream(InputStream.from_readable(stream)).read_all()
    assert array.to_pylist() == [{"a": number} for number in range(5)]


def test_a_moment_with_a_time_zone_becomes_utc(store):
    result = store.query(
        "SELECT '2026-01-01 00:00:00+02'::TIMESTAMPTZ, now() > '2026-01-01'",
        SqlLimits(5, 1),
    )

    assert result.rows == [["2025-12-31T22:00:00+00:00", True]]


@pytest.mark.parametrize(
    ("text", "is_full"),
    [
        ('IO Error: Could not write file "x.wal": No space left on device', True),
        ("IO Error: Disk quota exceeded", True),
        ("IO Error: Could not set lock on file", False),
        ("Out of Memory Error: could not allocate", False),
    ],
)
def test_a_full_disk_is_recognized(text, is_full):
    assert is_disk_full(text) is is_full
