"""The SQL reader: it sees all that is acknowledged, and all that it can spoil is itself."""

import json
import os
import resource
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import psutil
import pytest

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import DiskFull, SqlRefused
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine.sql.current_reader import CurrentReader
from flowkernel.home import Home
from flowkernel.store import Store
from flowkernel.store.sql_reader import following_copy
from flowkernel.store.sql_reader.following_copy import FollowingCopy, copy_file
from flowkernel.store.sql_reader.questions import SqlQuestion
from tests.conftest import until
from tests.integration.test_store_file import VERSION_1
from tests.unit.test_store import created_event, ended_event

COUNT = "SELECT count(*) FROM execution"
SLEEP = "SELECT sleep_ms(60000)"
#: It does not stop when it is told to, and needs little memory.
DEAF = "SELECT " + ", ".join(
    f"contains(repeat('a', 100000000), repeat('a', {5_000_000 + number}) || 'b')"
    for number in range(16)
)
TABLES = ("execution", "cell_run", "event", "log", "message", "flow", "flow_version")


class World:
    """A store, and the reader of it."""

    def __init__(self, home: Home, **options: Any) -> None:
        home.prepare()
        self.home = home
        self.store = Store(
            home.database, journal=home.journal, writable_folder=home.backup
        )
        self.options = {"lanes": 4, "megabytes": 512, **options}
        self.reader = CurrentReader(self.store, home, **self.options)

    def ask(self, sql: str, seconds: float = 30.0) -> list[list[Any]]:
        """The rows of a result that includes all that is acknowledged."""
        question = SqlQuestion(
            sql=sql,
            format="json",
            frame=self.store.last_frame,
            seconds=seconds,
            time_left=seconds,
            rows=1_000,
            size=10**6,
            megabytes=self.options["megabytes"],
        )
        content = self.reader.answer(question, monotonic())
        rows: list[list[Any]] = json.loads(content)["rows"]
        return rows

    def process(self) -> psutil.Process:
        """The process of the reader that is there."""
        pid = self.reader.status()["pid"]
        return psutil.Process(pid)

    def add(self, count: int = 1) -> list[str]:
        """Record executions that have ended; their ids."""
        events = [created_event() for _ in range(count)]
        ids = [event.execution_id for event in events]
        ended = [ended_event(id_, S.ENDED_CANCELLED) for id_ in ids]
        self.store.append([*events, *ended])
        return ids

    def close(self) -> None:
        self.reader.close()
        self.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(Home(tmp_path / "home"))
    yield world
    world.close()


def test_an_answer_has_all_that_was_acknowledged_before_the_question(world):
    world.add(3)
    assert world.ask(COUNT) == [[3]]

    for count in range(4, 30):
        [id_] = world.add()
        assert world.ask(f"SELECT status FROM execution WHERE execution_id = '{id_}'")
        assert world.ask(COUNT) == [[count]]


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process has more than 1,024 files open, as an engine with many callers has."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[1], 4_096), limits[1]))
    with ExitStack() as stack:
        for _ in range(1_100):
            stack.enter_context(open(os.devnull))
        yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_it_answers_when_the_engine_has_thousands_of_files(many_files, world):
    world.add(3)

    pids = {(world.ask(COUNT)[0][0], world.process().pid) for _ in range(20)}

    assert len(pids) == 1  # One reader has answered them all.


def test_threads_that_record_see_their_own_records(world):
    def record_and_ask(_: int) -> bool:
        ids = world.add(2)
        [[count]] = world.ask(f"{COUNT} WHERE execution_id IN {tuple(ids)}")
        return count == 2

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(record_and_ask, range(40)))


def test_its_tables_are_those_of_the_engine_after_anything_that_can_happen(world):
    ids = world.add(20)
    world.ask(COUNT)
    world.store.prune(ids[:5])
    world.store.prune_journal()
    world.add(5)
    world.store.compact()
    world.add(5)
    world.store.rebuild()
    world.add(5)

    for table in TABLES:
        sql = f"FROM {table} ORDER BY ALL"
        assert world.ask(sql) == world.store.query(sql).rows
    assert world.ask(f"{COUNT} WHERE execution_id = '{ids[0]}'") == [[0]]
    assert world.ask(f"SELECT count(*) FROM event WHERE root_id = '{ids[0]}'") == [[0]]


@pytest.mark.kernel
def test_questions_are_answered_while_the_copy_is_deleted(world):
    """As it is when a run is deleted: the copy may have what was its values."""
    world.add(3)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(world.ask, COUNT) for _ in range(20)]
        for _ in range(3):
            answers[0].result()
            world.reader.drop_copy()
        assert [answer.result() for answer in answers] == [[[3]]] * 20

    world.reader.drop_copy()

    assert not world.home.sql_reader.exists()
    assert world.ask(COUNT) == [[3]]


def test_a_database_that_is_written_to_all_the_time_is_copied_whole(world, monkeypatch):
    states = iter(range(100))
    monkeypatch.setattr(world.store, "file_state", lambda: (next(states),))
    world.add(3)

    assert world.ask(COUNT) == [[3]]


def test_the_state_of_the_file_tells_that_a_checkpoint_wrote_to_it(world):
    state = world.store.file_state()
    world.add()
    world.store.query(COUNT)
    assert world.store.file_state() == state  # It is in the write-ahead log.

    world.store.compact()

    assert world.store.file_state() != state


def start_asking(world: World, sql: str, seconds: float = 30.0) -> "Future[Any]":
    """Ask in a thread; returns when the reader works on it."""
    world.ask("SELECT 1")
    process = world.process()
    busy_before = process.num_threads()
    reply: Future[Any] = Future()

    def ask() -> None:
        try:
            reply.set_result(world.ask(sql, seconds))
        except Exception as error:
            reply.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    # Each question has a thread that watches its time.
    until(lambda: process.num_threads() > busy_before)
    return reply


def test_a_reader_that_is_killed_gives_a_sentence_and_the_next_one_answers(world):
    world.add(2)
    reply = start_asking(world, SLEEP)
    copy = (world.home.sql_reader / "flowkernel.duckdb").stat().st_ino

    os.kill(world.process().pid, signal.SIGKILL)

    with pytest.raises(SqlRefused, match=r"ended while it worked on this .*signal 9"):
        reply.result(10)
    world.add()
    assert world.ask(COUNT) == [[3]]
    assert (world.home.sql_reader / "flowkernel.duckdb").stat().st_ino == copy


def test_a_reader_that_is_killed_while_it_starts_is_started_again(world):
    world.add(2)
    reply: Future[Any] = Future()
    ask = threading.Thread(target=lambda: reply.set_result(world.ask(COUNT)))
    ask.start()

    [reader] = until(lambda: psutil.Process().children())
    reader.suspend()
    assert world.reader.status()["state"] == "starting"
    reader.kill()

    assert reply.result(30) == [[2]]
    ask.join()


@pytest.mark.kernel
def test_a_question_that_does_not_stop_is_killed_and_those_beside_it_are_answered(
    world,
):
    beside = start_asking(world, "SELECT sleep_ms(3000), 7")
    pid = world.process().pid
    began = monotonic()

    with pytest.raises(SqlRefused, match=r"longer than 0\.5 seconds"):
        world.ask(DEAF, 0.5)

    assert monotonic() - began < 2.5
    assert beside.result(20)[0][1] == 7
    assert world.process().pid != pid


def test_what_needs_too_much_memory_ends_with_a_sentence(world):
    with pytest.raises(SqlRefused, match=r"more than 512 MB of memory.*sql_megabytes"):
        world.ask("SELECT len(range(1000000000))")

    assert world.ask("SELECT 1") == [[1]]


@pytest.mark.kernel
def test_memory_that_others_took_is_not_the_fault_of_a_question(world):
    """The first one leaves little memory; the second needs half of it, and gets it."""
    with pytest.raises(SqlRefused, match="memory"):
        world.ask("SELECT repeat('x', 3000000) FROM range(1000)")

    assert world.ask("SELECT length(repeat('x', 100000000))") == [[100_000_000]]


def test_a_reader_without_questions_ends_and_its_copy_is_deleted(tmp_path):
    world = World(Home(tmp_path / "home"), idle_seconds=0.3)
    try:
        world.add(2)
        assert world.ask(COUNT) == [[2]]
        until(lambda: world.reader.status()["state"] == "none")

        assert not world.home.sql_reader.exists()
        assert psutil.Process().children() == []
        assert world.ask(COUNT) == [[2]]
    finally:
        world.close()


def test_closing_ends_it_and_the_next_start_sweeps_what_a_killed_engine_left(world):
    world.ask(COUNT)
    process = world.process()
    world.reader.close()
    assert not process.is_running()
    assert not world.home.sql_reader.exists()

    world.home.sql_reader.mkdir()
    (world.home.sql_reader / "flowkernel.duckdb").write_bytes(b"left")
    world.reader = CurrentReader(world.store, world.home, **world.options)

    assert not world.home.sql_reader.exists()


def test_a_copy_that_cannot_be_used_any_more_is_made_again(world):
    world.add(2)
    world.ask(COUNT)
    process = world.process()
    process.kill()
    until(lambda: world.reader.status()["state"] == "none")
    (world.home.sql_reader / "flowkernel.duckdb").write_bytes(b"damaged")

    assert world.ask(COUNT) == [[2]]


def test_a_journal_that_cannot_be_followed_means_another_copy(world):
    world.add(2)
    world.ask(COUNT)
    world.store.query(COUNT)  # The tables have all of the journal.
    world.add(1)
    world.store.query(COUNT)
    for path in world.home.journal.glob("*.journal"):
        path.write_bytes(b"")

    assert world.ask(COUNT) == [[3]]


def test_it_has_no_secret_no_files_and_no_weight(world, monkeypatch):
    monkeypatch.setenv("PASSWORD_OF_SOMETHING", "hidden")
    monkeypatch.setenv("FLOWKERNEL_TOKEN", "hidden")
    world.ask("SELECT 1")
    process = world.process()

    assert "hidden" not in process.environ().values()
    assert os.listdir(process.cwd()) == []
    assert Path(f"/proc/{process.pid}/oom_score_adj").read_text().strip() == "1000"
    assert process.nice() > psutil.Process().nice()
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "COPY meta TO '{folder}/x.csv'",
        "EXPORT DATABASE '{folder}/x'",
        "ATTACH '{folder}/x.duckdb'",
        "LOAD '{folder}/x.so'",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "SET temp_directory = '{folder}'",
    ],
)
def test_its_sql_reaches_nothing_even_if_the_guard_were_gone(world, tmp_path, sql):
    copy_file(world.home.database, target := tmp_path / "copy.duckdb")
    copy = FollowingCopy(target, journal=world.home.journal, megabytes=100)

    with copy._pool.cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(sql.replace("{folder}", str(tmp_path))).fetchall()

    copy._pool.close()
    assert sorted(os.listdir(tmp_path)) == ["copy.duckdb", "home"]


def test_a_disk_without_room_for_a_copy_is_left_alone(tmp_path, monkeypatch):
    source = tmp_path / "a.duckdb"
    source.write_bytes(bytes(1_000))
    disk = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr(following_copy.shutil, "disk_usage", lambda _: disk)

    with pytest.raises(DiskFull, match=r"needs 1,000 bytes.* has 1,000,000\."):
        copy_file(source, tmp_path / "b.duckdb")

    assert os.listdir(tmp_path) == ["a.duckdb"]


def test_a_copy_of_an_older_version_gets_the_tables_of_this_one(tmp_path):
    """flowkernel may have been upgraded while the engine runs."""
    shutil.copy(VERSION_1, target := tmp_path / "copy.duckdb")

    copy = FollowingCopy(target, journal=tmp_path, megabytes=100)

    assert copy.query("SELECT requested_action FROM execution").rows
    copy._pool.close()
    assert os.listdir(tmp_path) == ["copy.duckdb"]


def test_a_reader_that_nobody_asks_keeps_up_with_the_journal(tmp_path, monkeypatch):
    world = World(Home(tmp_path / "home"))
    copy_file(world.home.database, target := tmp_path / "copy.duckdb")
    copy = FollowingCopy(target, journal=world.home.journal, megabytes=100)
    monkeypatch.setattr(following_copy, "MAX_LAG", 1_000)

    for _ in range(20):
        world.add()
    copy.keep_up()

    # The last frame may still be taken back.
    assert copy.query(COUNT).rows == [[19]]
    copy._pool.close()
    world.close()
