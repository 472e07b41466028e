"""What cells display, as their output notebook keeps it: bounded, with a sentence."""

from collections.abc import Callable, Hashable
from typing import Any

import nbformat

from flowkernel.core.report_limits import ERROR_NAME_CHARACTERS, TextLimit
from flowkernel.worker.notebook.display_budget import (
    Bundle,
    DisplayBudget,
    DisplayLimits,
    size_of,
)
from flowkernel.worker.reporting.report_event import bounded_text

#: What an error may have in the notebook. The record has less of it.
MAX_ERROR_NAME = TextLimit(ERROR_NAME_CHARACTERS)
MAX_ERROR_VALUE = TextLimit(100_000)
MAX_ERROR_TRACEBACK = TextLimit(1024 * 1024, keeps_end=True)

Content = dict[str, Any]  #: Of a message with an output.


class DisplayCollector:
    """Says what is kept of each display of a notebook, and notes in it what is not."""

    def __init__(self, limits: DisplayLimits, on_full: Callable[[str], None]) -> None:
        """`on_full`: called with a sentence when the first display of a cell is left out."""
        self._budget = DisplayBudget(limits)
        self._on_full = on_full
        self._notice: nbformat.NotebookNode | None = None
        #: Displays of this cell that are left out, in whole or in part.
        self._left_out = 0
        self._characters_left_out = 0

    def begin_cell(self, index: int) -> None:
        """Start with a cell, without what it displayed before."""
        self._budget.clear(index)
        self._notice, self._left_out, self._characters_left_out = None, 0, 0

    def clear_widget(self, place: Hashable) -> None:
        """Note that an output widget displays nothing any more."""
        self._budget.clear(place)

    def add(
        self,
        outputs: list[nbformat.NotebookNode],
        kind: str,
        content: Content,
        place: Hashable,
    ) -> Content | None:
        """What is kept of an output of this kind; None: nothing of it.

        Args:
            outputs: Of the cell, where what is left out is noted.
            place: The index of the cell, or what else displays it.
        """
        if kind in ("display_data", "execute_result"):
            return self._add_display(outputs, content, place)
        is_error = kind == "error"
        if is_error:
            content = bounded_error(content)
        bundle = {kind: content}  # Kept whole, or not at all.
        parts = self._budget.add(place, bundle, is_error=is_error)
        self._note(outputs, bundle, parts)
        return content if parts is not None else None

    def _add_display(
        self, outputs: list[nbformat.NotebookNode], content: Content, place: Hashable
    ) -> Content | None:
        bundle = content["data"]
        parts = self._budget.add(place, bundle, metadata=content.get("metadata"))
        self._note(outputs, bundle, parts)
        return {**content, "data": parts} if parts is not None else None

    def update(
        self,
        outputs: list[nbformat.NotebookNode],
        output: nbformat.NotebookNode,
        content: Content,
        place: Hashable,
    ) -> None:
        """Replace what an output displays, as far as there is room."""
        bundle, metadata = content["data"], content.get("metadata") or {}
        former_size = size_of(output["data"]) + size_of(output["metadata"])
        parts = self._budget.replace(place, former_size, bundle, metadata=metadata)
        self._note(outputs, bundle, parts)
        if parts is not None:
            output["data"] = nbformat.from_dict(parts)
            output["metadata"] = nbformat.from_dict(metadata)

    def _note(
        self,
        outputs: list[nbformat.NotebookNode],
        bundle: Bundle,
        parts: Bundle | None,
    ) -> None:
        """Have a sentence among the outputs if parts of a display are left out."""
        if parts is bundle:
            return
        limits = self._budget.limits
        if self._notice is None:
            self._notice = nbformat.v4.new_output("stream", name="stderr")
            outputs.append(self._notice)
            self._on_full(
                f"[flowkernel: displays are left out from here on. {limits}]\n"
            )
        self._left_out += 1
        self._characters_left_out += size_of(bundle) - size_of(parts or {})
        self._notice["text"] = (
            f"[flowkernel: displays left out, in whole or in part: {self._left_out:,}, "
            f"with {self._characters_left_out:,} characters. {limits}]\n"
        )


def bounded_error(content: Content) -> Content:
    """An error for a notebook: unchanged, unless it is huge."""
    lines = content.get("traceback") or []
    if size_of(content) <= MAX_ERROR_NAME.characters:
        return content
    traceback = bounded_text("\n".join(lines), MAX_ERROR_TRACEBACK)
    return {
        **content,
        "ename": bounded_text(content.get("ename"), MAX_ERROR_NAME),
        "evalue": bounded_text(content.get("evalue"), MAX_ERROR_VALUE),
        "traceback": lines
        if sum(map(len, lines)) <= MAX_ERROR_TRACEBACK.characters
        else traceback.split("\n"),
    }
