"""Trees that are shown while other cells run: however many, one thread keeps them current."""

import queue
import threading
from dataclasses import replace

import pytest

from flowkernel.client.open_prompts import NoPrompter
from flowkernel.core.errors import EngineFault, EngineUnreachable, ExecutionNotFound
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind as K
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.home import Home
from flowkernel.magics.background_trees import BackgroundTrees, background_trees
from tests.conftest import until
from tests.records import an_execution


class Engine:
    """An engine, and a client of it: trees, and events that the test sends."""

    def __init__(self, home):
        self.home, self.seq = home, 0
        self.executions, self.streams = {}, 0
        self.events_sent = queue.SimpleQueue()

    def start(self, id_):
        self.executions[id_] = an_execution(id_)

    def end(self, id_, *, is_heard=True):
        self.seq += 1
        self.executions[id_] = replace(self.executions[id_], status=S.ENDED_SUCCESS)
        event = make_event(id_, K.ENDED, status=S.ENDED_SUCCESS)
        if is_heard:
            self.events_sent.put(replace(event, seq=self.seq, root_id=id_))

    # -- as a client ---------------------------------------------------------------------

    def tree(self, id_):
        if id_ not in self.executions:
            raise EngineFault("no") if id_ == "faulty" else ExecutionNotFound(id_)
        record = self.executions[id_].to_json()
        return {"executions": [record], "progress": {}, "cursor": self.seq}

    def get_list(self, _path, **_query):
        return []

    def events(self, _cursor, **_of):
        self.streams += 1
        while True:
            event = self.events_sent.get()
            if isinstance(event, Exception):
                raise event
            yield event

    def close(self):
        """It has no connection."""


class Shown:
    """What a cell shows."""

    def __init__(self):
        self.states, self.is_finished = [], False

    def show(self, tree):
        self.states.append(tree.execution.status)

    def finish(self, tree):
        self.states.append(tree.execution.status)
        self.is_finished = True


@pytest.fixture
def engine(tmp_path, monkeypatch):
    monkeypatch.setattr("flowkernel.magics.background_trees.TICK", 0.05)
    return Engine(Home(tmp_path))


def own_threads():
    names = ("flowkernel-trees", "flowkernel-watch")
    return [thread for thread in threading.enumerate() if thread.name in names]


def none_is_left():
    return all(thread.name != "flowkernel-trees" for thread in threading.enumerate())


def show_all(engine, trees, ids):
    displays = []
    for id_ in ids:
        engine.executions.get(id_) or engine.start(id_)
        displays.append(Shown())
        trees.add(engine, id_, displays[-1], NoPrompter())
    return displays


def test_twenty_displays_take_one_thread_and_one_stream_until_all_have_ended(engine):
    before, trees = len(own_threads()), BackgroundTrees()

    displays = show_all(engine, trees, [f"r{n % 10}" for n in range(20)])

    until(lambda: all(display.states for display in displays))
    assert len(own_threads()) - before <= 2  # One reads the events.
    assert engine.streams == 1
    for number in range(10):
        engine.end(f"r{number}")
    until(lambda: all(display.is_finished for display in displays))
    assert {display.states[-1] for display in displays} == {S.ENDED_SUCCESS}
    until(none_is_left)


def test_a_tree_that_ended_before_the_thread_took_it_is_shown_as_ended(engine):
    """Its event came before: it is read once more."""
    trees = BackgroundTrees()
    [first] = show_all(engine, trees, ["first"])
    until(lambda: first.states)
    engine.start("late")
    engine.end("late", is_heard=False)

    [late] = show_all(engine, trees, ["late"])

    until(lambda: late.is_finished)
    engine.end("first")
    until(lambda: first.is_finished)
    until(none_is_left)


def test_it_goes_on_after_all_had_ended(engine):
    trees = BackgroundTrees()
    for id_ in ("a", "b"):
        [display] = show_all(engine, trees, [id_])
        until(lambda display=display: display.states)
        engine.end(id_)
        until(lambda display=display: display.is_finished)
        until(none_is_left)
        engine.events_sent = queue.SimpleQueue()


class Broken(Shown):
    """A display that fails."""

    def show(self, tree):
        raise ValueError("no such widget")


def test_what_is_wrong_with_one_tree_ends_that_one_alone(engine):
    trees = BackgroundTrees()
    [good] = show_all(engine, trees, ["good"])
    trees.add(engine, "good", Broken(), NoPrompter())
    for id_ in ("deleted", "faulty"):
        trees.add(engine, id_, Shown(), NoPrompter())

    engine.end("good")

    until(lambda: good.is_finished)
    until(none_is_left)


def test_without_an_engine_none_is_followed_and_the_next_one_is(engine):
    trees = BackgroundTrees()
    [lost] = show_all(engine, trees, ["a"])
    until(lambda: lost.states)
    engine.events_sent.put(EngineUnreachable("It is gone."))
    until(none_is_left)
    assert not lost.is_finished

    [display] = show_all(engine, trees, ["a"])
    until(lambda: display.states)
    engine.end("a")

    until(lambda: display.is_finished)
    until(none_is_left)


def test_the_trees_of_a_home_are_the_same(engine, tmp_path):
    assert background_trees(engine) is background_trees(Engine(Home(tmp_path)))
    assert background_trees(engine) is not background_trees(
        Engine(Home(tmp_path / "b"))
    )
