"""A running notebook is saved seldom, and its output is on disk before long."""

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
def saves(clock):
    """The times of the saves."""
    return []


@pytest.fixture
def manager(clock, saves):
    manager = notebook_saver.NotebookSaver(
        a_notebook(),
        every=EVERY,
        write=lambda _notebook: saves.append(clock[0]),
        progress_bar=False,
    )
    manager.notebook_start()
    return manager


def test_a_short_notebook_is_saved_only_at_its_end(manager, saves):
    manager.save()
    manager.save()
    assert saves == []

    manager.notebook_complete()
    manager.notebook_complete()
    assert saves == [1000.0]


def test_a_save_that_comes_too_early_is_made_when_it_is_time(manager, saves, clock):
    manager.save()
    clock[0] += EVERY - 1
    manager.save_due()
    assert saves == []

    clock[0] += 1
    manager.save_due()
    assert saves == [1010.0]


def test_a_saved_notebook_is_saved_again_only_if_it_changes(manager, saves, clock):
    clock[0] += EVERY
    manager.save()
    clock[0] += 2 * EVERY
    manager.save_due()
    assert saves == [1010.0]

    manager.save()
    assert saves == [1010.0, 1030.0]


def test_a_save_that_takes_long_is_not_repeated_soon(clock, saves):
    def write(_notebook):
        clock[0] += EVERY
        saves.append(clock[0])

    manager = notebook_saver.NotebookSaver(
        a_notebook(), every=EVERY, write=write, progress_bar=False
    )
    clock[0] += EVERY
    manager.save()
    clock[0] += notebook_saver.DELAY_FACTOR * EVERY - 1
    manager.save()
    assert len(saves) == 1

    clock[0] += 1
    manager.save_due()
    assert len(saves) == 2
