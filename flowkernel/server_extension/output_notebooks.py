"""The output notebooks of the home, read for the panel: each once for each change of it."""

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote
from weakref import WeakValueDictionary

from flowkernel.client.output_notebook import existing_notebook_path
from flowkernel.core.errors import BadArgument, FileMissing
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus
from flowkernel.server_extension.engine_requests import EngineRequests
from flowkernel.server_extension.notebook_view import (
    cell_outputs,
    language_of,
    notebook_cells,
)
from flowkernel.server_extension.panel_refusal import PanelRefusal

MAX_FILE = 256 * 1024 * 1024  #: Bytes of a notebook that is read, inclusive.
MAX_CELL = 50 * 1024 * 1024  #: Bytes of the outputs of one cell, whole, inclusive.
MAX_VIEWS = 8  #: Notebooks whose last view is kept.
#: A view is made at most for this share of the time: making it holds up what else the server
#: does.
SHARE = 0.1


@dataclass(frozen=True, slots=True)
class NotebookView:
    """A notebook as the panel gets it."""

    etag: str  #: Another one when something has changed.
    text: str  #: JSON.
    status: ExecutionStatus  #: Of the execution, when it was made.
    due_at: float  #: It is not made again before that, while the status is the same.


class OutputNotebooks:
    """Reads output notebooks.

    Args:
        home: The folder of the home.
        requests: To ask the engine where they are, and how their cells ran.
    """

    def __init__(self, home: Path, requests: EngineRequests) -> None:
        self._home = home
        self._requests = requests
        self._views: OrderedDict[str, NotebookView] = OrderedDict()
        #: Held while a view is made: who asks meanwhile gets the same.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def view(self, execution_id: str) -> NotebookView:
        """The notebook of an execution, cut to what can be shown.

        While it runs, that may be a moment old. With another status it is never: a page looks
        once more when a run ends, or stops, and then no longer.

        Raises:
            FileMissing: It has none.
            PanelRefusal: It is too large.
        """
        async with self._turns.setdefault(execution_id, asyncio.Lock()):
            execution = await self.execution(execution_id)
            path = self.path_of(execution)
            former = self._views.get(execution_id)
            if former is not None and _is_kept(former, execution):
                return former
            view = await self._current_view(execution, path, former)
            self._keep(execution_id, view)
            return view

    async def _current_view(
        self, execution: Execution, path: Path, former: NotebookView | None
    ) -> NotebookView:
        id_ = quote(execution.execution_id, safe="")
        runs = await self._requests.get(f"execution/{id_}/cell_run")
        etag = _etag(execution, path, runs)
        if former is not None and former.etag == etag:
            return former
        return await asyncio.to_thread(_make_view, execution, path, runs, etag)

    def _keep(self, execution_id: str, view: NotebookView) -> None:
        self._views[execution_id] = view
        self._views.move_to_end(execution_id)
        while len(self._views) > MAX_VIEWS:
            self._views.popitem(last=False)

    async def outputs(self, execution_id: str, index: int) -> str:
        """The outputs of one cell, whole, as a JSON text: `outputs` and `bytes`.

        Made in a thread: what is large holds up nobody else.

        Raises:
            FileMissing: There is no notebook, or no such cell.
            PanelRefusal: It has more than `MAX_CELL` bytes.
        """
        path = self.path_of(await self.execution(execution_id))
        return await asyncio.to_thread(_read_outputs, path, index)

    async def content(self, execution: Execution) -> dict[str, Any]:
        """The whole notebook, as JSON. Raises as `view`."""
        return await asyncio.to_thread(_read, self.path_of(execution))

    async def execution(self, execution_id: str) -> Execution:
        """An execution by its id, or the beginning or end of that."""
        path = f"execution/{quote(execution_id, safe='')}"
        return Execution.from_json(await self._requests.get(path))

    async def source_path(self, execution: Execution) -> Path | None:
        """The file that the execution was made from; None: it is not known."""
        version = quote(execution.flow_version, safe="")
        record = await self._requests.get(f"flow_version/{version}")
        return Path(record["path"]) if record.get("path") else None

    def path_of(self, execution: Execution) -> Path:
        """The path of its output notebook. Raises FileMissing."""
        return existing_notebook_path(self._home, execution)


def _is_kept(view: NotebookView, execution: Execution) -> bool:
    """Whether a view is not made again yet."""
    return view.status is execution.status and monotonic() < view.due_at


def _etag(execution: Execution, path: Path, runs: list[Any]) -> str:
    try:
        status = path.stat()
    except OSError as error:  # It was removed just now.
        raise _unreadable(path, error) from error
    last_seq = max((run["last_seq"] for run in runs), default=0)
    parts = (status.st_mtime_ns, status.st_size, last_seq, execution.status)
    return sha256(repr(parts).encode()).hexdigest()[:16]


def _make_view(
    execution: Execution, path: Path, runs: list[Any], etag: str
) -> NotebookView:
    start = monotonic()
    notebook = _read(path)
    text = json.dumps(
        {
            "cells": notebook_cells(notebook, runs),
            "language": language_of(notebook),
            "path": str(path),
            "is_complete": execution.status.is_ended,
            "etag": etag,
        }
    )
    seconds = monotonic() - start
    due_at = monotonic() + seconds / SHARE
    return NotebookView(etag, text, execution.status, due_at)


def _read(path: Path) -> dict[str, Any]:
    """The JSON of a notebook."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE:
            raise _too_big("The output notebook", size, MAX_FILE)
        notebook = json.loads(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise BadArgument(f"{str(path)!r} is no notebook: {error}.") from error
    if not isinstance(notebook, dict):
        raise BadArgument(f"{str(path)!r} is no notebook.")
    return notebook


def _read_outputs(path: Path, index: int) -> str:
    outputs = cell_outputs(_read(path), index)
    if outputs is None:
        raise FileMissing(f"The notebook has no cell {index}. Open it again.")
    text = json.dumps(outputs)
    if len(text) > MAX_CELL:
        raise _too_big("The output of this cell", len(text), MAX_CELL)
    return f'{{"outputs":{text},"bytes":{len(text)}}}'


def _unreadable(path: Path, error: OSError) -> FileMissing:
    return FileMissing(f"{str(path)!r} cannot be read: {error.strerror}.")


def _too_big(label: str, size: int, limit: int) -> PanelRefusal:
    message = (
        f"{label} has {size:,} bytes; the panel shows at most {limit:,}. Open a copy of the "
        "notebook, or read it with a program."
    )
    return PanelRefusal(413, "ValueTooBig", message)
