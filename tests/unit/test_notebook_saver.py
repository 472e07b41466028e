"""A running notebook is saved seldom, and what has come is on disk before long."""

import nbformat
import pytest

from flowkernel.worker.notebook import notebook_saver

EVERY = 10.0


def a_notebook():
    """As papermill gives it to its engines."""
    return nbformat.v4.new_notebook(metadata={"papermill": {}})


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(notebook_saver, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def saved(clock):
    """When it was saved."""
    return []


@pytest.fixture
def manager(clock, saved):
    manager = notebook_saver.NotebookSaver(
        a_notebook(),
        every=EVERY,
        write=lambda _notebook: saved.append(clock[0]),
        progress_bar=False,
    )
    manager.notebook_start()
    return manager


def test_a_short_notebook_is_saved_at_its_end_alone(manager, saved):
    manager.save()
    manager.save()
    assert saved == []

    manager.notebook_complete()
    manager.notebook_complete()
    assert saved == [1000.0]


def test_what_came_too_early_is_saved_when_it_is_time(manager, saved, clock):
    manager.save()
    clock[0] += EVERY - 1
    manager.save_due()
    assert saved == []

    clock[0] += 1
    manager.save_due()
    assert saved == [1010.0]


def test_what_is_saved_is_not_saved_again_until_something_comes(manager, saved, clock):
    clock[0] += EVERY
    manager.save()
    clock[0] += 2 * EVERY
    manager.save_due()
    assert saved == [1010.0]

    manager.save()
    assert saved == [1010.0, 1030.0]


def test_a_save_that_takes_long_is_not_repeated_soon(clock, saved):
    def write(_notebook):
        clock[0] += EVERY
        saved.append(clock[0])

    manager = notebook_saver.NotebookSaver(
        a_notebook(), every=EVERY, write=write, progress_bar=False
    )
    clock[0] += EVERY
    manager.save()
    clock[0] += notebook_saver.SHARE * EVERY - 1
    manager.save()
    assert len(saved) == 1

    clock[0] += 1
    manager.save_due()
    assert len(saved) == 2
