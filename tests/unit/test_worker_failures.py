"""Workers that end at once are started with growing pauses, and people are told why."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from flowkernel.cli import queue_note
from flowkernel.cli.queue_note import QUEUED_SECONDS, QueueNote
from flowkernel.config import Config
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.engine.dispatch import worker_processes
from flowkernel.engine.dispatch.worker_failures import (
    LOG_BYTES,
    failure_after,
    last_line,
    pause_after,
)
from flowkernel.engine.dispatch.worker_processes import WorkerProcesses
from flowkernel.home import Home
from tests.conftest import until


@pytest.fixture
def clock(monkeypatch):
    """Seconds, which the test moves."""
    seconds = [1000.0]
    monkeypatch.setattr(worker_processes, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(queue_note, "monotonic", lambda: seconds[0])
    return seconds


@pytest.fixture
def processes(tmp_path, clock):
    """Workers that end at once: their configuration has a value that is refused."""
    home = Home(tmp_path / ".flowkernel")
    home.prepare()
    return WorkerProcesses(home, config=Config(kernel="none"))


def start_and_wait(processes):
    assert processes.start() is not None
    until(lambda: not processes.is_starting)
    processes.reap()


def test_the_pauses_grow_to_a_minute():
    assert [pause_after(count) for count in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause_after(100_000) == 60


def test_after_a_worker_that_ended_at_once_the_next_one_waits(processes, clock):
    start_and_wait(processes)

    assert processes.start() is None
    clock[0] += 1.0
    start_and_wait(processes)
    clock[0] += 1.0
    assert processes.start() is None
    clock[0] += 1.0
    start_and_wait(processes)


def test_the_sentence_has_the_last_words_of_the_worker(processes):
    assert processes.trouble is None

    start_and_wait(processes)

    assert processes.trouble.startswith(
        "No worker can start: the last one ended at once (exit code 1): "
        "flowkernel.core.errors.BadArgument: `kernel` is 'none' in the engine; "
    )
    assert "The next one starts in 1 s at the earliest." in processes.trouble
    assert processes.trouble.endswith("worker.log has more.")


def test_a_worker_that_asks_for_work_ends_the_pauses(processes, clock):
    start_and_wait(processes)
    clock[0] += 1.0
    worker_id = processes.start()

    processes.note_poll(worker_id)

    assert processes.trouble is None
    until(lambda: processes.reap() or not processes._started)
    assert processes.trouble is None


def test_a_worker_that_was_killed_is_said_to_be_killed():
    failure = failure_after(None, exit_code=-9, reason="", now=0.0)
    failure = failure_after(failure, exit_code=-9, reason="", now=0.0)

    assert failure.sentence(0.5, Path("worker.log")) == (
        "No worker can start: the last 2 ended at once (killed by signal 9). "
        "The next one starts in 2 s at the earliest. worker.log has more."
    )


def test_the_last_line_is_of_this_worker_and_bounded(tmp_path):
    log = tmp_path / "worker.log"
    log.write_text("of an earlier one\n")
    start = log.stat().st_size

    assert last_line(log, start) == ""
    log.write_text("x" * 3 * LOG_BYTES + "\nSyntaxError: \x1b[31mno\n\n")
    assert last_line(log, start) == "SyntaxError: no"
    assert last_line(tmp_path / "none", 0) == ""


class Engine:
    """Stands for a client of an engine whose workers do not start."""

    trouble = None
    questions = 0

    def get(self, _path):
        self.questions += 1
        return {"worker_trouble": self.trouble}


def tree(status):
    return SimpleNamespace(execution=SimpleNamespace(status=status))


def test_a_run_that_stays_queued_says_once_why(clock):
    engine, sentences = Engine(), []
    note = QueueNote(engine, sentences.append)
    engine.trouble = "No worker can start."

    note.look(tree(S.QUEUED))
    assert engine.questions == 0
    for _ in range(5):
        clock[0] += QUEUED_SECONDS
        note.look(tree(S.QUEUED))

    assert sentences == ["It is queued. No worker can start."]


def test_a_run_that_waits_for_a_slot_or_runs_says_nothing(clock):
    engine, sentences = Engine(), []
    note = QueueNote(engine, sentences.append)

    for status in (S.QUEUED, S.QUEUED, S.RUNNING, S.WAITING):
        note.look(tree(status))
        clock[0] += 2 * QUEUED_SECONDS

    assert sentences == []
    assert engine.questions == 1
