"""The engine of the home that this Jupyter Server shows: found, or started in a thread.

Its token stays in this process.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from flowkernel.client.engine_launcher import (
    EngineState,
    ensure_engine,
    inspect_engine,
)
from flowkernel.core.errors import BadArgument, EngineStopped
from flowkernel.core.json_record import Json
from flowkernel.home import VARIABLE, EngineFile, find_home, other_homes
from flowkernel.server_extension.panel_refusal import PanelRefusal
from flowkernel.version import __version__


class PanelState(StrEnum):
    """The state of the engine, as the panel shows it."""

    READY = "ready"  #: It answers.
    STOPPED = "stopped"  #: None runs, and none has to.
    AWAY = "away"  #: It should run and does not answer.
    STARTING = "starting"  #: This server starts it.


@dataclass(frozen=True, slots=True)
class EngineReport:
    """The state of the engine, and a sentence about it."""

    state: PanelState
    message: str = ""  #: What is wrong, and what to do; empty: nothing.
    version: str = __version__  #: Of the engine, or of this package if none runs.


#: What the panel shows for what the engine launcher finds.
_REPORTS = {
    EngineState.STALE: "The engine has ended unexpectedly. Nothing that was recorded is lost. "
    "Start it again.",
    EngineState.RECYCLED: "The engine has ended unexpectedly. Nothing that was recorded is "
    "lost. Start it again.",
    EngineState.BROKEN: "The address of the engine cannot be read. A running engine writes it "
    "again within two seconds; if none runs, start it.",
    EngineState.SILENT: "The engine runs and does not answer. If it does not recover, "
    "`flowkernel doctor` in a terminal shows why.",
    EngineState.STRANGER: "Something else answers at the address of the engine. Start the "
    "engine again.",
}
NOTHING_HERE = "Nothing has run here yet. The engine starts with the first run."
STOPPED = "The engine is stopped. It starts with the next run."


class HomeEngine:
    """Finds and starts the engine of one home. Lives in the event loop of Jupyter Server.

    Args:
        folder: That which Jupyter shows; its home is the one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.home = find_home(folder)
        self._file: EngineFile | None = None
        self._start: asyncio.Task[EngineFile] | None = None

    @property
    def is_starting(self) -> bool:
        """Whether this server starts it now."""
        return self._start is not None

    @property
    def starts_by_itself(self) -> bool:
        """Whether a request that only reads may start it.

        Not before anything ran here, and not after a person stopped it.
        """
        return self.home.is_made and not self.home.stop_mark.exists()

    def known(self) -> EngineFile | None:
        """The address and token of the engine, as far as is known; None: it is stopped."""
        if self._file is None:
            with suppress(BadArgument):
                self._file = EngineFile.read(self.home)
        return self._file

    def mark(self) -> object:
        """What is another one when there is another engine: its file, and who starts it."""
        try:
            status = self.home.engine_file.stat()
        except OSError:
            return self.is_starting
        return status.st_mtime_ns, status.st_ino, self.is_starting

    def forget(self) -> None:
        """Read its address again: it did not answer."""
        self._file = None

    async def start(self) -> EngineFile:
        """The engine, once it answers; started if there is none.

        Raises:
            FlowkernelError: It does not start; says why.
        """
        if self._start is None:
            coroutine = asyncio.to_thread(ensure_engine, self.home, is_announced=False)
            self._start = asyncio.create_task(coroutine)
            self._start.add_done_callback(self._note_start)
        return await asyncio.shield(self._start)

    def _note_start(self, task: asyncio.Task[EngineFile]) -> None:
        self._start = None
        if not task.cancelled() and task.exception() is None:
            self._file = task.result()

    async def ready(self, *, may_start: bool) -> EngineFile:
        """The engine, to send it a request.

        Args:
            may_start: Whether it is started if none runs, whatever `starts_by_itself` says.

        Raises:
            FlowkernelError, PanelRefusal: None runs, or it does not start; says why.
        """
        file = self.known()
        return await self.next(may_start=may_start) if file is None else file

    async def next(self, *, may_start: bool) -> EngineFile:
        """The engine after one that did not answer. A person may have stopped that meanwhile.

        Args and errors are those of `ready`.
        """
        if not (may_start or self.starts_by_itself):
            raise self._stopped()
        return await self.start()

    def _stopped(self) -> Exception:
        if self.home.is_made:
            return EngineStopped(str(self.home.path))
        return PanelRefusal(409, "EngineStopped", self._nothing_here())

    def _nothing_here(self) -> str:
        """A sentence for a home in which nothing ran; names another one nearby."""
        others = other_homes(self.home, self._folder)
        if not others:
            return NOTHING_HERE
        return (
            f"Nothing has run in {str(self.home.path)!r} yet, but in {str(others[0])!r}. To "
            f"see that, start Jupyter with {VARIABLE} set to that folder."
        )

    async def report(self) -> EngineReport:
        """Its state now. Starts nothing."""
        if self.is_starting:
            return EngineReport(PanelState.STARTING)
        state, file = await asyncio.to_thread(inspect_engine, self.home)
        if state is EngineState.ANSWERS and file is not None:
            self._file = file
            return EngineReport(PanelState.READY, version=file.version)
        if state is EngineState.NONE:
            message = STOPPED if self.home.is_made else self._nothing_here()
            return EngineReport(PanelState.STOPPED, message)
        return EngineReport(PanelState.AWAY, _REPORTS[state])

    def to_json(self, report: EngineReport, person: str) -> dict[str, Json]:
        """What the panel gets of a report."""
        return {
            "state": report.state,
            "message": report.message,
            "home": str(self.home.path),
            "folder": str(self._folder),
            "version": report.version,
            "person": person,
        }
