"""An output that grows step by step costs what was added, not all of it each time."""

import pytest

from flowkernel.config import Config
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind, Flow, FlowKind
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import StartRequest
from flowkernel.home import Home
from flowkernel.store import Store
from flowkernel.store.restore import restore

STEPS, STEP_BYTES = 60, 8_000
OUTPUT = {f"step{n}": f"{n:05}" * (STEP_BYTES // 5) for n in range(STEPS)}


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    home.prepare()
    return home


def open_store(home):
    return Store(home.database, journal=home.journal, writable_folder=home.backup)


def start(service):
    service.register(Flow(name="f", kind=FlowKind.CELL, source="1"))
    id_ = service.start(StartRequest(flow="f")).execution_id
    service.store.append([make_event(id_, EventKind.STARTED, worker="w")])
    return id_


def test_an_output_of_many_steps_is_in_the_journal_once(home):
    with open_store(home) as store:
        service = Service(store, home, Config())
        id_ = start(service)
        for name, value in OUTPUT.items():
            service.set_output(id_, {name: value}, merge=True)
        sizes = [path.stat().st_size for path in home.journal.glob("*.journal*")]
        events = [
            event
            for event in store.events_after(0).events
            if event.kind is EventKind.OUTPUT_SET
        ]

        assert store.get_execution(id_).output == OUTPUT
        assert sum(sizes) < 2 * STEPS * STEP_BYTES
        names = [list(event.payload["patch"]) for event in events]
        assert names == [[name] for name in OUTPUT][: len(names)]


def test_outputs_of_older_versions_are_whole_and_later_ones_are_merged(home):
    """They recorded all of the output at each step."""
    with open_store(home) as store:
        service = Service(store, home, Config())
        id_ = start(service)
        for output in ({"a": 1}, {"a": 1, "b": 2}):
            store.append([make_event(id_, EventKind.OUTPUT_SET, output=output)])
        service.set_output(id_, {"a": 3}, merge=True)
        assert store.get_execution(id_).output == {"a": 3, "b": 2}
    home.database.unlink()

    restore(home.database, home.journal)

    with open_store(home) as store:
        assert store.get_execution(id_).output == {"a": 3, "b": 2}
