"""A running notebook is saved seldom, and its output is on disk before long."""

import errno

import nbformat
import pytest
from papermill.engines import NotebookExecutionManager

from flowkernel.core.redaction import Redaction
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


class FullDisk:
    """Has no room for the first saves."""

    def __init__(self, failures, number=errno.ENOSPC):
        self.failures, self.number = failures, number
        self.saves = []

    def write(self, notebook):
        if self.failures:
            self.failures -= 1
            raise OSError(self.number, "No space left on device")
        self.saves.append(notebook)


def saver_on(disk, monkeypatch):
    monkeypatch.setattr(notebook_saver, "FULL_SECONDS", 0.0)
    saver = notebook_saver.NotebookSaver(
        a_notebook(), every=0.0, write=disk.write, progress_bar=False
    )
    saver.sentences = []
    saver.on_full = lambda: saver.sentences.append("full")
    return saver


def test_a_notebook_that_ends_while_the_disk_is_full_waits_for_room(monkeypatch):
    disk = FullDisk(failures=5)
    saver = saver_on(disk, monkeypatch)

    saver.notebook_start()
    saver.notebook_complete()

    assert len(disk.saves) == 1
    assert saver.sentences == ["full"]


def test_a_notebook_that_runs_goes_on_while_the_disk_is_full(monkeypatch):
    disk = FullDisk(failures=2)
    saver = saver_on(disk, monkeypatch)
    saver.notebook_start()

    for _ in range(3):
        saver.save()

    assert len(disk.saves) >= 1
    assert saver.sentences == ["full"]


def test_who_is_cancelled_does_not_wait_for_room(monkeypatch):
    disk = FullDisk(failures=1_000)
    saver = saver_on(disk, monkeypatch)
    saver.notebook_start()
    saver.gives_up = lambda: True

    saver.notebook_complete()

    assert disk.saves == []


def test_any_other_error_of_the_disk_is_raised(monkeypatch):
    saver = saver_on(FullDisk(failures=1, number=errno.EIO), monkeypatch)

    with pytest.raises(OSError, match="No space"):
        saver.save_now()


BROKEN = [errno.EIO, errno.EMFILE, errno.EACCES, errno.EROFS]


@pytest.mark.parametrize("number", BROKEN)
def test_a_save_on_the_way_that_fails_stays_due(monkeypatch, caplog, number):
    disk, errors = FullDisk(failures=3, number=number), []
    saver = saver_on(disk, monkeypatch)
    saver.on_failure = errors.append
    saver.notebook_start()

    saver.try_to_save()
    saver.save_due()
    assert disk.saves == []
    saver.save_due()
    saver.save_due()

    assert len(disk.saves) == 1
    assert [error.errno for error in errors] == [number]
    assert caplog.text.count("cannot be saved now") == 1


@pytest.mark.parametrize("number", BROKEN)
def test_the_save_at_the_end_says_that_it_failed(monkeypatch, number):
    disk = FullDisk(failures=3, number=number)
    saver = saver_on(disk, monkeypatch)
    saver.notebook_start()
    saver.save()

    with pytest.raises(OSError, match="No space"):
        saver.notebook_complete()

    saver.notebook_complete()
    assert len(disk.saves) == 1


def test_a_save_that_fails_is_not_tried_again_at_once(clock):
    disk = FullDisk(failures=1, number=errno.EIO)
    saver = notebook_saver.NotebookSaver(
        a_notebook(), every=0.0, write=disk.write, progress_bar=False
    )
    saver.save()
    saver.save_due()
    assert disk.saves == []

    clock[0] += notebook_saver.FULL_SECONDS
    saver.save_due()
    assert len(disk.saves) == 1


@pytest.mark.parametrize("number", [*BROKEN, errno.ENOSPC])
def test_a_papermill_of_a_person_says_at_its_start_that_it_cannot_save(
    monkeypatch, number
):
    saver = papermill_saver(FullDisk(failures=1, number=number), monkeypatch)

    with pytest.raises(OSError, match="No space"):
        saver.notebook_start()


@pytest.mark.parametrize("number", [*BROKEN, errno.ENOSPC])
def test_a_papermill_of_a_person_goes_on_until_its_end(monkeypatch, number):
    disk = FullDisk(failures=0, number=number)
    saver = papermill_saver(disk, monkeypatch)
    saver.notebook_start()
    disk.failures = 3

    saver.save()
    saver.save()
    with pytest.raises(OSError, match="No space"):
        saver.notebook_complete()


def papermill_saver(disk, monkeypatch):
    """As for a person's own papermill, which writes the notebook itself."""
    monkeypatch.setattr(notebook_saver, "FULL_SECONDS", 0.0)
    monkeypatch.setattr(
        NotebookExecutionManager, "save", lambda self: disk.write(self.nb)
    )
    return notebook_saver.NotebookSaver(a_notebook(), every=0.0, progress_bar=False)


def test_a_notebook_that_could_not_be_written_leaves_no_part_of_it(
    tmp_path, monkeypatch
):
    def fail(_file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(notebook_saver.os, "fsync", fail)

    with pytest.raises(OSError, match="No space"):
        notebook_saver.write_atomically(a_notebook(), tmp_path / "a.ipynb")

    assert list(tmp_path.iterdir()) == []


def test_protected_values_are_in_no_saved_notebook(monkeypatch):
    disk = FullDisk(failures=0)
    saver = saver_on(disk, monkeypatch)
    saver.redaction = Redaction.of(values=["secret"])
    saver.nb.cells.append(nbformat.v4.new_code_cell("password = 'secret'"))

    saver.save_now()

    assert disk.saves[0].cells[0].source == "password = '***'"
    assert saver.nb.cells[0].source == "password = 'secret'"
