"""What `flowkernel run` says while its run is queued because no worker can start."""

from collections.abc import Callable
from contextlib import suppress

from flowkernel.client.client import Client
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.status import ExecutionStatus
from flowkernel.display.tree import Tree

#: How long a run may be queued until the engine is asked why; also between two questions.
QUEUED_SECONDS = 3.0


class QueueNote:
    """Asks the engine why a run stays queued, and says so once."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        self._client = client
        self._say = say
        self._next_look: float | None = None
        self._has_said = False

    def look(self, tree: Tree) -> None:
        """Called with each drawing of the tree."""
        if tree.execution.status is not ExecutionStatus.QUEUED or self._has_said:
            self._next_look = None
            return
        if self._next_look is None:
            self._next_look = monotonic() + QUEUED_SECONDS
        elif monotonic() >= self._next_look:
            self._next_look = monotonic() + QUEUED_SECONDS
            self._ask()

    def _ask(self) -> None:
        with suppress(FlowkernelError):
            trouble = self._client.get("/engine").get("worker_trouble")
            if trouble:
                self._has_said = True
                self._say(f"It is queued. {trouble}")
