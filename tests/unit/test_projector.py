"""The thread that writes to the tables never ends silently."""

import pytest

from flowkernel.core import failure_count
from flowkernel.core.errors import DiskFull
from flowkernel.store import Store, projector
from flowkernel.store.pending_changes import PendingChanges
from flowkernel.store.projector import Projector
from tests.conftest import until


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), DiskFull("There is no room."), OSError("away")]
)
def test_a_failure_is_logged_and_tried_again(monkeypatch, caplog, error):
    monkeypatch.setattr(failure_count, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(projector, "FLUSH_INTERVAL", 0.001)
    monkeypatch.setattr(projector, "RETRY_INTERVAL", 0.001)
    attempts = []

    def after_flush():
        attempts.append(None)
        if len(attempts) < 3:
            raise error

    with Store(":memory:") as store:
        written = Projector(store._pool, applied=0, after_flush=after_flush)
        written.open()
        for number in range(1, 4):  # Something is recorded each time.
            written.add(PendingChanges())
            until(lambda n=number: len(attempts) >= n)
        count = written.failure_count
        until(lambda: count.failures_in_a_row == 0)
        written.close()

    assert count.failures == 2
    assert count.last_error == f"{type(error).__name__}: {error}"
    assert str(error) in caplog.text


def test_a_store_says_what_has_failed():
    with Store(":memory:") as store:
        assert store.failed_tasks == []
        store._projector.failure_count.note_failure(ValueError("a bug"))

        [task] = store.failed_tasks

    assert task == {
        "name": "write to the tables",
        "failures": 1,
        "last_error": "ValueError: a bug",
        "is_failing": True,
    }


def test_much_is_written_at_once_and_little_is_gathered(monkeypatch):
    monkeypatch.setattr(projector, "FLUSH_INTERVAL", 60.0)
    with Store(":memory:") as store:
        gathering = Projector(store._pool, applied=0)
        gathering.open()
        gathering.add(PendingChanges(frame=1, size=projector.FLUSH_BYTES - 1))
        gathered = gathering.applied
        gathering.add(PendingChanges(frame=2, size=1))
        until(lambda: gathering.applied == 2)
        gathering.close()

    assert gathered == 0


def test_an_end_does_not_wait_until_it_is_time_to_write(monkeypatch):
    monkeypatch.setattr(projector, "FLUSH_INTERVAL", 60.0)
    with Store(":memory:") as store:
        closing = Projector(store._pool, applied=0)
        closing.open()
        closing.add(PendingChanges(frame=1, size=1))
        closing.close()

    assert closing.applied == 1
