"""The kernel of a notebook while people may attach to it, as guests."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from papermill.clientwrap import PapermillNotebookClient

from flowkernel.core.models import Execution
from flowkernel.core.process_id import started_at
from flowkernel.kernels.parked.registry import ParkedKernel, published
from flowkernel.worker.event_loops import in_thread_loop
from flowkernel.worker.notebook.silent_request import discard_output, run_silently
from flowkernel.worker.reporting.execution_session import ExecutionSession

GUEST_ACCESS = (
    "__import__('flowkernel.kernels.parked.guest_access', fromlist=['']).{call}"
)
ALLOW_GUESTS = GUEST_ACCESS.format(call="allow_guests({owner!r})")
REFUSE_GUESTS = GUEST_ACCESS.format(call="refuse_guests()")
BUSY = (
    "[flowkernel: it continues when the kernel is free; a person runs a cell in it]\n"
)


class GuestKernel:
    """Opens the kernel of a notebook to others; and what the worker asks of it meanwhile."""

    def __init__(
        self,
        client: PapermillNotebookClient,
        session: ExecutionSession,
        execution: Execution,
    ) -> None:
        self._client = client
        self._session = session
        self._execution = execution

    @contextmanager
    def opened(self, *, has_ended: bool = False) -> Iterator[bool]:
        """Let others attach to the kernel, if it can keep them from ending it; whether it can.

        Args:
            has_ended: Whether the run is over, and only its kernel stays.
        """
        owner = self._client.kc.session.session
        is_parked = self._session.no_parking_reason is None
        allow = ALLOW_GUESTS.format(owner=owner)
        if not is_parked or self.run_silently(allow) != "ok":
            yield False
            return
        try:
            kernel = self._parked_kernel(has_ended=has_ended)
        except (psutil.Error, OSError):  # It has just ended, or no file is left.
            yield False
            return
        with published(self._session.link.client.home.path, kernel):
            yield True

    def _parked_kernel(self, *, has_ended: bool) -> ParkedKernel:
        """The kernel, as others find it.

        Raises:
            psutil.Error, OSError: It has ended, or that cannot be found out.
        """
        manager, execution = self._client.km, self._execution
        home = self._session.link.client.home
        return ParkedKernel(
            execution_id=execution.execution_id,
            name=execution.name,
            notebook=str(home.path / (execution.notebook_path or "")),
            pid=manager.provisioner.pid,
            process_started_at=started_at(manager.provisioner.pid),
            worker_pid=os.getpid(),
            worker_started_at=started_at(),
            connection=manager.get_connection_info(),
            has_ended=has_ended,
        )

    def run_silently(self, source: str) -> str | None:
        """Run `source`, in no notebook: `ok` or `error`; None if the kernel ended."""
        client = self._client
        status: str | None = in_thread_loop(run_silently)(
            client.kc, client.km, source, on_wait=self._log_busy
        )
        return status

    def _log_busy(self) -> None:
        self._session.log("stderr", BUSY)

    def discard_output(self) -> None:
        """Forget what guests have printed."""
        in_thread_loop(discard_output)(self._client.kc)
