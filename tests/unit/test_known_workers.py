"""A worker of the engine before this one has time to find it, as long as it lives."""

import sys

import psutil
import pytest

from flowkernel.config import Config
from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind
from flowkernel.core.process_id import named_in_processes
from flowkernel.engine.dispatch.known_workers import PATIENCE, KnownWorkers
from flowkernel.engine.dispatch.slots import EXTERNAL
from tests.records import an_execution
from tests.stage import clock

__all__ = ["clock"]
LEASE = 9.0
PAPERMILL = f"{EXTERNAL}7"


def running(worker):
    return an_execution(worker, worker=worker)


@pytest.fixture
def workers(clock):
    clock.stop()
    workers = KnownWorkers(Config(lease=LEASE))
    workers.recall([running("alive"), running("dead"), running(PAPERMILL)])
    return workers


def expected(workers):
    return {id_ for id_ in ("alive", "dead", PAPERMILL) if workers.is_expected(id_)}


def test_a_worker_whose_process_is_gone_has_the_time_of_its_lease(workers, clock):
    clock.move(seconds=LEASE - 0.1)
    assert workers.overdue() == set()

    clock.move(seconds=0.2)
    workers.expect_only(workers.overdue() & {"alive"})

    assert expected(workers) == {"alive", PAPERMILL}


def test_a_worker_that_lives_has_the_time_that_it_needs_to_find_the_engine(
    workers, clock
):
    clock.move(seconds=LEASE + PATIENCE - 0.1)
    workers.expect_only({"alive"})
    assert expected(workers) == {"alive", PAPERMILL}

    clock.move(seconds=0.2)
    workers.expect_only({"alive"})
    assert expected(workers) == set()


def test_a_worker_that_sends_a_request_is_not_looked_for(workers, clock):
    workers.note("dead", 1, 0.0)
    clock.move(seconds=LEASE + PATIENCE + 1)

    assert workers.overdue() == {"alive", PAPERMILL}
    assert workers.is_expected("dead")


def test_a_place_is_free_again_when_a_thread_could_not_start(workers):
    lease = workers.note("w", 1, 0.0)
    lease.coming.add("e")

    workers.follow(make_event("e", EventKind.LOST, "w", worker="w"))

    assert lease.coming == set()


def test_a_process_is_found_by_a_word_on_its_command_line():
    word = psutil.Process().cmdline()[-1]

    assert named_in_processes({word, f"{sys.executable}-no-such"}) == {word}


def test_a_worker_that_only_reports_is_given_nothing(workers, clock):
    """It may be that nobody polls in it: what it is given would never start."""
    lease = workers.note("w", 1, 0.0)
    assert workers.living == [lease]

    clock.move(seconds=LEASE)
    workers.note("w", 1, 0.0)

    assert workers.living == []
    assert workers.is_expected("w")


def test_a_worker_whose_poll_is_held_open_lives(workers, clock):
    lease = workers.note("w", 1, 0.0)
    lease.polls += 1

    clock.move(seconds=100 * LEASE)

    assert workers.living == [lease]
