"""Output notebooks go with their executions: all of them, and nothing else."""

import json
from functools import partial

import pytest

from flowkernel.config import Config
from flowkernel.core.clock import new_id
from flowkernel.core.errors import DiskFull, MoveNotAllowed
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind
from flowkernel.core.per_process import PerProcess
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine import notebook_removal
from flowkernel.engine.notebook_removal import (
    delete_with_notebooks,
    remove,
    remove_left,
)
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import StartRequest
from flowkernel.home import Home
from flowkernel.store import Store

K = EventKind


class World:
    """A store, and executions with their output notebooks."""

    def __init__(self, home: Home, store: Store) -> None:
        self.home, self.store = home.path, store
        self.service = Service(store, home, Config())
        self.service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
        (home.notebooks / "2026-01").mkdir()

    def execution(self, *, is_ended: bool = True) -> str:
        id_ = self.service.start(StartRequest(flow="f")).execution_id
        path = f"notebooks/2026-01/{id_}.ipynb"
        (self.home / path).write_text("12345")
        events = [make_event(id_, K.STARTED, worker="w", notebook_path=path)]
        if is_ended:
            status = ExecutionStatus.ENDED_SUCCESS
            events.append(make_event(id_, K.ENDED, status=status))
        self.store.append(events)
        return id_

    def delete(self, ids: list[str]) -> list[int]:
        prune = partial(self.store.prune, ids)
        return delete_with_notebooks(self.store, self.home, ids, prune)

    @property
    def files(self) -> list[str]:
        """What is in the folder of the notebooks, without endings."""
        folder = self.home / "notebooks"
        return sorted(path.stem for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def world(tmp_path):
    home = Home(tmp_path)
    home.prepare()
    with Store(":memory:") as store:
        yield World(home, store)


def test_the_notebooks_of_what_is_deleted_are_removed(world):
    gone, stays = world.execution(), world.execution()

    assert world.delete([gone]) == [5]

    assert world.files == [stays]


def test_what_cannot_be_deleted_keeps_its_notebooks(world):
    ids = [world.execution(), world.execution(is_ended=False)]

    with pytest.raises(MoveNotAllowed):
        world.delete(ids)

    assert world.files == sorted(ids)


def test_a_deletion_that_the_tables_lack_removes_the_notebooks_later(
    world, monkeypatch
):
    """The disk is full when the tables are to follow the journal."""
    gone, stays = world.execution(), world.execution()
    with monkeypatch.context() as patch:
        decide = world.store.decide
        full = partial(raising, DiskFull("The disk is full."))
        patch.setattr(
            world.store,
            "decide",
            lambda do: (
                decide(do) and patch.setattr(world.store._projector, "flush", full)
            ),
        )
        with pytest.raises(DiskFull):
            world.delete([gone])
    assert {gone, stays} < set(world.files)

    remove_left(world.store, world.home)

    assert world.files == [stays]


def raising(error, *_args):
    raise error


def killed(*_args):
    raise SystemExit("as after `kill -9`")


@pytest.mark.parametrize("step", ["prune", "remove"])
def test_the_next_engine_removes_what_a_killed_one_left(world, monkeypatch, step):
    gone, stays = world.execution(), world.execution()
    with monkeypatch.context() as patch:
        patch.setattr(notebook_removal, "_remove_noted", killed)
        owner = world.store if step == "prune" else notebook_removal
        patch.setattr(owner, step, killed)
        with pytest.raises(SystemExit):
            world.delete([gone])
    assert len(world.files) == 3

    # Another process, which may have the same process id.
    monkeypatch.setattr(notebook_removal, "_process", PerProcess(new_id))
    remove_left(world.store, world.home)

    assert world.files == [stays] if step == "remove" else sorted([gone, stays])


def test_a_deletion_that_is_under_way_is_left_alone(world, monkeypatch):
    gone = world.execution()
    prune = world.store.prune
    monkeypatch.setattr(
        world.store,
        "prune",
        lambda ids: remove_left(world.store, world.home) or prune(ids),
    )

    world.delete([gone])

    assert world.files == []


@pytest.mark.parametrize("content", ["", "[]", '{"ids": 1, "paths": []}', "\ud800"])
def test_a_note_that_was_damaged_removes_nothing(world, content):
    stays = world.execution()
    note = world.home / "notebooks" / "removing-1-x.json"
    note.write_text(content, errors="replace")

    remove_left(world.store, world.home)

    assert world.files == [stays]


@pytest.mark.parametrize(
    "path",
    [
        "{home}/config.toml",
        "notebooks/../config.toml",
        "../other",
        "notebooks",
        "notebooks/link",
    ],
)
def test_nothing_but_output_notebooks_is_removed(tmp_path, path):
    (tmp_path / "notebooks" / "2026-01").mkdir(parents=True)
    (tmp_path / "config.toml").write_text("slots = 1")
    (tmp_path / "notebooks" / "link").symlink_to(tmp_path / "config.toml")

    assert remove(tmp_path, path.replace("{home}", str(tmp_path))) is None

    assert (tmp_path / "config.toml").exists()


def test_an_output_notebook_is_removed_once(tmp_path):
    (tmp_path / "notebooks" / "2026-01").mkdir(parents=True)
    (tmp_path / "notebooks" / "2026-01" / "a.ipynb").write_text("12345")

    assert remove(tmp_path, "notebooks/2026-01/a.ipynb") == 5
    assert remove(tmp_path, "notebooks/2026-01/a.ipynb") is None


def with_attempts(world: World, count: int) -> str:
    """An execution that was lost `count - 1` times, with a notebook of each attempt."""
    id_ = world.execution(is_ended=False)
    for attempt in range(2, count + 1):
        path = f"notebooks/2026-01/{id_}-{attempt}.ipynb"
        (world.home / path).write_text("12345")
        lost = make_event(id_, K.LOST, worker="w", why="It was lost.")
        started = {"worker": "w", "notebook_path": path, "attempt": attempt}
        world.store.append([lost, make_event(id_, K.STARTED, **started)])
    return id_


def end(world: World, id_: str) -> None:
    status = ExecutionStatus.ENDED_SUCCESS
    world.store.append([make_event(id_, K.ENDED, status=status)])


def test_the_notebooks_of_all_attempts_are_removed(world):
    gone, stays = with_attempts(world, 3), with_attempts(world, 2)
    end(world, gone)

    assert world.delete([gone]) == [5, 5, 5]

    assert world.files == sorted([stays, f"{stays}-2"])


def test_the_next_engine_removes_all_attempts_that_a_killed_one_left(
    world, monkeypatch
):
    gone, stays = with_attempts(world, 2), world.execution()
    end(world, gone)
    with monkeypatch.context() as patch:
        patch.setattr(notebook_removal, "remove_attempts", killed)
        with pytest.raises(SystemExit):
            world.delete([gone])
    monkeypatch.setattr(notebook_removal, "_process", PerProcess(new_id))

    remove_left(world.store, world.home)

    assert world.files == [stays]


def test_what_is_kept_keeps_its_notebooks_though_it_is_at_another_attempt(world):
    """The note was written before it was lost once more."""
    stays = with_attempts(world, 3)
    note = world.home / "notebooks" / "removing-1-x.json"
    path = f"notebooks/2026-01/{stays}-2.ipynb"
    note.write_text(json.dumps({"ids": [stays], "paths": [path]}))

    remove_left(world.store, world.home)

    assert world.files == sorted([stays, f"{stays}-2", f"{stays}-3"])
