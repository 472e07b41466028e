"""Saves a running notebook: seldom, whole, and in one step."""

import os
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager

from flowkernel.core.clock import monotonic
from flowkernel.home import open_private

#: After a save that took t seconds, the next one waits t times this: saving takes 5 %.
DELAY_FACTOR = 20


class NotebookSaver(NotebookExecutionManager):
    """papermill's record of a run, saved at most once in `every` seconds and at the end.

    papermill itself writes the whole notebook twice for each cell.
    """

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
        self._every = every
        self._write = write
        self._is_complete = False
        self._is_due = False
        # Runs of a worker are mostly short: then only their end is worth saving.
        self._not_before = monotonic() + every if write is not None else 0.0
        super().__init__(nb, **kwargs)

    def save(self, **kwargs: Any) -> None:
        """Save if it is time; else remember that a save is due."""
        self._is_due = True
        self.save_due()

    def save_due(self) -> None:
        """Save if a save is due and it is time."""
        if self._is_due and monotonic() >= self._not_before:
            self.save_now()

    def save_now(self) -> None:
        """Save, whatever the time."""
        start = monotonic()
        self._is_due = False
        self.before_save()
        if self._write is not None:
            self._write(self.nb)
        else:
            super().save()
        seconds = monotonic() - start
        self._not_before = monotonic() + max(self._every, seconds * DELAY_FACTOR)

    def save_at_end(self) -> None:
        """Save no more until `save_now` or the end: it is stopping, and must not wait."""
        self._not_before = inf

    def autosave_cell(self, **kwargs: Any) -> None:
        """Save if it is time. papermill calls this for every message."""
        self.save()

    def notebook_complete(self, **kwargs: Any) -> None:
        """Close the record and save it, whatever the time; a second call does nothing."""
        if not self._is_complete:
            self._not_before = 0.0
            super().notebook_complete(**kwargs)
            # Only after a save without an error: else the next call saves again.
            self._is_complete = True


def write_atomically(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook in one step: a reader sees the old one or the new one.

    Only its owner can read it, as it has what the flow printed.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(
        draft, "w", encoding="utf-8", errors="backslashreplace", opener=open_private
    ) as file:
        # As `nbformat.write` does, after it has validated the notebook.
        file.write(nbformat.v4.writes(notebook))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
