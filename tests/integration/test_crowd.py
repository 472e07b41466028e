"""Hundreds of runs that 64 callers start, some of them cancelled while they are queued.

The engine and the HTTP are real; the worker is simulated, so that the engine is what is busy.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import cycle
from threading import Event as Flag
from threading import Thread

import pytest

from flowkernel.client.client import Client
from flowkernel.core.errors import MoveNotAllowed
from flowkernel.core.models import EventKind
from flowkernel.core.status import ENDED
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine.dispatch.slots import Grant, SlotTable
from flowkernel.flow_api import Execution
from tests.conftest import until
from tests.stage import PATIENT, PlayedWorker, engine_and_client

pytestmark = pytest.mark.kernel

SOURCE = {"name": "sums", "kind": "SCRIPT", "source": "1"}
EXECUTIONS, CALLERS = 600, 64
#: One in so many is cancelled as soon as it is recorded.
CANCEL_EVERY = 4
SLOTS = 16
SECONDS = 120.0  #: For all of them, on a busy machine.


@dataclass
class CountedSlots(SlotTable):
    """Slots that note which grants could not be recorded."""

    refused: list[str] = field(default_factory=list)

    def take_back(self, grant: Grant) -> None:
        self.refused.append(grant.execution_id)
        super().take_back(grant)


class BusyWorker(PlayedWorker):
    """Starts what it gets, and reports its end, until it is stopped."""

    def __init__(self, client):
        super().__init__(client)
        self._is_over = Flag()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join(30)

    def _run(self):
        while not self._is_over.is_set():
            reply = self.poll()
            for id_ in reply["cancel"]:
                self._end(id_, "ENDED_CANCELLED")
            for id_ in list(self.holding):
                self._end(id_, "ENDED_SUCCESS")

    def _end(self, execution_id, status):
        if execution_id in self.holding:
            execution = Execution(self.client, execution_id)
            self.report(execution, EventKind.ENDED, status=status)
            self.release(execution)


def caller(client):
    own = Client(client.home, started_by="cron (test)")
    own.starts_engine = False
    return own


def start_and_maybe_cancel(client, number):
    """The id of a new run, and whether its cancel was acknowledged."""
    id_ = client.start({"source": SOURCE}).execution_id
    if number % CANCEL_EVERY:
        return id_, False
    try:
        client.act(id_, "cancel")
    except MoveNotAllowed:  # It has ended already.
        return id_, False
    return id_, True


@pytest.fixture
def crowd(own_home):
    """A busy engine and a client of it."""
    config = replace(PATIENT, slots=SLOTS)
    with engine_and_client(own_home, config) as (engine, client):
        engine.dispatcher.slots = CountedSlots(SLOTS)
        yield engine, client


def test_a_crowd_is_served_and_no_slot_is_promised_twice(crowd):
    engine, client = crowd
    with BusyWorker(client):
        cancelled = start_all(client)
        until(lambda: statuses(client).keys() <= ENDED, seconds=SECONDS)

    assert statuses(client).total() == EXECUTIONS
    # A grant is refused for one reason alone: its execution was cancelled just then.
    assert set(engine.dispatcher.slots.refused) <= cancelled
    assert engine.dispatcher.slots.free == SLOTS
    starts = "SELECT count(*), count(DISTINCT execution_id) FROM event WHERE kind = 'started'"
    [[started, distinct]] = client.sql(starts)["rows"]
    assert started == distinct >= EXECUTIONS - len(cancelled)
    assert engine.tasks.report() == []  # None has failed: the sweep among them.


def start_all(client):
    """Have many callers start them; the ids of those whose cancel was acknowledged."""
    clients = [caller(client) for _ in range(CALLERS)]
    with ThreadPoolExecutor(CALLERS) as callers:
        runs = callers.map(start_and_maybe_cancel, cycle(clients), range(EXECUTIONS))
        cancelled = {id_ for id_, is_cancelled in runs if is_cancelled}
    for own in clients:
        own.close()
    return cancelled


def statuses(client):
    rows = client.sql("SELECT status, count(*) FROM execution GROUP BY status")["rows"]
    return Counter({S(status): count for status, count in rows})
