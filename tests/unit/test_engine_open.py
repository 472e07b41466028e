"""An engine starts at once, however much is under way in its home."""

import asyncio

import pytest

from flowkernel.config import Config
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind
from flowkernel.engine.running_engine import Engine
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import StartRequest
from flowkernel.home import Home
from flowkernel.store import Store
from flowkernel.store.pool import CursorPool
from tests.stage import ENGINE_FILE, NoProcesses


def make_home(path, count):
    """A home in which so many executions wait, run or were never started."""
    home = Home(path)
    home.prepare()
    with Store(
        home.database, journal=home.journal, writable_folder=home.backup
    ) as store:
        service = Service(store, home, Config())
        service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        for number in range(count):
            request = StartRequest(flow="f", run=number % 3 > 0)
            id_ = service.start(request).execution_id
            if number % 3 == 1:
                store.append([make_event(id_, EventKind.STARTED, worker="w")])
    return home


@pytest.fixture
def count_reads(monkeypatch):
    """How many statements an engine sends to the database until it serves requests."""
    statements = []
    read, cursor = CursorPool.read, CursorPool.cursor
    monkeypatch.setattr(
        CursorPool,
        "read",
        lambda *args, **values: statements.append(args) or read(*args, **values),
    )
    monkeypatch.setattr(
        CursorPool, "cursor", lambda pool: statements.append(pool) or cursor(pool)
    )

    def count_reads(home):
        async def follow(engine):
            engine.follow_store()

        statements.clear()
        processes = NoProcesses(home)
        with Engine(home, Config(), ENGINE_FILE, processes=processes) as engine:
            asyncio.run(follow(engine))
            assert len(engine.dispatcher.live) > 0
            return len(statements)

    return count_reads


def test_the_start_reads_no_table_for_each_execution_under_way(tmp_path, count_reads):
    few, many = make_home(tmp_path / "few", 3), make_home(tmp_path / "many", 24)

    assert count_reads(few) == count_reads(many)


def test_an_engine_whose_home_was_replaced_removes_nothing_from_the_new_one(tmp_path):
    """Somebody removed the folder, and another engine works in one of the same name."""
    path = tmp_path / "home"
    home = make_home(path, 0)
    with Engine(home, Config(), ENGINE_FILE, processes=NoProcesses(home)):
        path.rename(tmp_path / "elsewhere")
        Home(path).prepare()
        home.engine_lock.touch()
        home.environment.mkdir(exist_ok=True)
        file = home.environment / "a"
        file.write_bytes(b"of a run of the other engine")

    assert file.exists()
