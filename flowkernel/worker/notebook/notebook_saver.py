"""Saves a running notebook: seldom, whole, and in one step."""

import errno
import os
import threading
from collections.abc import Callable
from logging import getLogger
from math import inf
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager

from flowkernel.core.clock import monotonic
from flowkernel.core.redaction import BUILT_IN
from flowkernel.home import open_private
from flowkernel.worker.notebook.decision_banner import with_banners

#: After a save that took t seconds, the next one waits t times this: saving takes 5 %.
DELAY_FACTOR = 20
#: Errors of a disk, or of a person's share of one, that has no room.
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FULL_SECONDS = 2.0  #: Between two tries to save while it has none, or fails.
log = getLogger(__name__)


class NotebookSaver(NotebookExecutionManager):
    """papermill's record of a run, saved at most once in `every` seconds and at the end.

    papermill itself writes the whole notebook twice for each cell.
    """

    nb: nbformat.NotebookNode

    def __init__(
        self,
        nb: nbformat.NotebookNode,
        *,
        every: float,
        write: Callable[[nbformat.NotebookNode], None] | None = None,
        **kwargs: Any,
    ) -> None:
        """`write`: saves the notebook; None: papermill saves it, where it always does."""
        self.before_save: Callable[[], None] = lambda: None
        self.redaction = BUILT_IN  #: What is hidden in the saved notebook.
        #: Called when the disk has no room; and whether to stop waiting for it.
        self.on_full: Callable[[], None] = lambda: None
        self.gives_up: Callable[[], bool] = lambda: False
        #: Called when a save fails that is not the last one.
        self.on_failure: Callable[[OSError], None] = lambda _error: None
        self._is_full = self._is_failing = False
        self._pause = threading.Event()  #: Never set.
        self._every = every
        self._write = write
        self._is_complete = False
        self._is_due = False
        #: Whether a save may fail without an error. The last one may not; and a person's own
        #: papermill makes one first, to see whether it can.
        self._may_fail = write is not None
        # Runs of a worker are mostly short: then only their end is worth saving.
        self._not_before = monotonic() + every if write is not None else 0.0
        super().__init__(nb, **kwargs)

    def save(self, **kwargs: Any) -> None:
        """Save if it is time; else remember that a save is due."""
        self._is_due = True
        self.save_due()

    def save_due(self) -> None:
        """Save if a save is due and it is time. If that fails, a save stays due."""
        if self._is_due and monotonic() >= self._not_before:
            self.try_to_save()

    def try_to_save(self) -> None:
        """Save, whatever the time. If that fails, a save stays due: the run goes on.

        Raises:
            OSError: It is the save at the end, or the first one of a person's own papermill.
        """
        try:
            self.save_now()
        except OSError as error:
            if not self._may_fail:
                raise
            self._note_failure(error)

    def save_now(self) -> None:
        """Save, whatever the time. While the disk is full, a save stays due.

        Raises:
            OSError: Anything else is wrong with the disk, or it is full and papermill saves.
        """
        start = monotonic()
        self._is_due = False
        self.before_save()
        try:
            self._save(self.nb)
        except OSError as error:
            # A person's own papermill says it in its own way.
            if error.errno not in DISK_FULL or self._write is None:
                raise
            self._note_full()
            return
        self._is_full = self._is_failing = False
        self._may_fail = True
        seconds = monotonic() - start
        self._not_before = monotonic() + max(self._every, seconds * DELAY_FACTOR)

    def _save(self, notebook: nbformat.NotebookNode) -> None:
        notebook = with_banners(notebook)
        if self.redaction.finds(notebook):
            notebook = nbformat.from_dict(self.redaction.json(notebook))
        if self._write is not None:
            self._write(notebook)
            return
        own, self.nb = self.nb, notebook
        try:
            super().save()
        finally:
            self.nb = own

    def _note_full(self) -> None:
        if not self._is_full:
            self.on_full()
        self._is_full = True
        self._save_later()

    def _note_failure(self, error: OSError) -> None:
        if not self._is_failing:
            log.warning("the output notebook cannot be saved now: %s", error)
            self.on_failure(error)
        self._is_failing = True
        self._save_later()

    def _save_later(self) -> None:
        self._is_due = True
        self._not_before = monotonic() + FULL_SECONDS

    def _wait_for_room(self) -> None:
        """Save again and again until the disk has room: nothing else is wrong."""
        while self._is_full and not self.gives_up():
            self._pause.wait(FULL_SECONDS)
            self.save_now()

    def save_at_end(self) -> None:
        """Save no more until `save_now` or the end: it is stopping, and must not wait."""
        self._not_before = inf

    def autosave_cell(self, **kwargs: Any) -> None:
        """Save if it is time. papermill calls this for every message."""
        self.save()

    def notebook_complete(self, **kwargs: Any) -> None:
        """Close the record and save it, whatever the time; a second call does nothing.

        If the disk is full, this waits for room.
        """
        if not self._is_complete:
            self._not_before, self._may_fail = 0.0, False
            super().notebook_complete(**kwargs)
            self._wait_for_room()
            # Only after a save without an error: else the next call saves again.
            self._is_complete = True


def write_atomically(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook in one step: a reader sees the old one or the new one.

    Only its owner can read it, as it has what the flow printed.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    try:
        _write_private(notebook, draft)
        os.replace(draft, path)
    except OSError:  # A part of a notebook only takes room.
        draft.unlink(missing_ok=True)
        raise


def _write_private(notebook: nbformat.NotebookNode, path: Path) -> None:
    with open(
        path, "w", encoding="utf-8", errors="backslashreplace", opener=open_private
    ) as file:
        # As `nbformat.write` does, after it has validated the notebook.
        file.write(nbformat.v4.writes(notebook))
        file.flush()
        os.fsync(file.fileno())
