"""Saves a running notebook: seldom, whole, and in one step."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from papermill.engines import NotebookExecutionManager

from flowkernel.core.clock import monotonic

SHARE = (
    20  #: A save that took t seconds is not repeated for t times this: 5 % of the time.
)


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
        settle: Callable[[], None] = lambda: None,
        **kwargs: Any,
    ) -> None:
        self._every = every
        self._write = write
        self._settle = settle
        self._is_complete = False
        self._is_due = False
        # Ours are short, mostly: then the end is the first thing worth saving.
        self._not_before = monotonic() + every if write is not None else 0.0
        super().__init__(nb, **kwargs)

    def save(self, **kwargs: Any) -> None:
        """Save if it is time again; else it is due."""
        self._is_due = True
        self.save_due()

    def save_due(self) -> None:
        """Save what could not be saved when it came, if it is time now."""
        if self._is_due and monotonic() >= self._not_before:
            self.save_now()

    def save_now(self) -> None:
        """Save."""
        begun = monotonic()
        self._is_due = False
        self._settle()
        if self._write is not None:
            self._write(self.nb)
        else:
            super().save()
        took = monotonic() - begun
        self._not_before = monotonic() + max(self._every, took * SHARE)

    def autosave_cell(self, **kwargs: Any) -> None:
        """Called for every message: saves if it is time again."""
        self.save()

    def notebook_complete(self, **kwargs: Any) -> None:
        """Close the record, and save it whatever the time; a second time does nothing."""
        if not self._is_complete:
            self._not_before = 0.0
            super().notebook_complete(**kwargs)
            self._is_complete = True  # Not if it could not be saved: then once more.


def write_atomically(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Put a notebook in place in one step: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    with open(draft, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(
            nbformat.v4.writes(notebook)
        )  # As nbformat does, once it has validated.
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
