"""Why an execution failed, shown above the error in the notebook of the person who waited."""

import builtins
from typing import TYPE_CHECKING, Any, TypeVar

from flowkernel.client.client import Client
from flowkernel.core.errors import ExecutionFailed
from flowkernel.flow_api.context import current_context

if TYPE_CHECKING:
    from flowkernel.display.failure_report import FailureReport

Failure = TypeVar("Failure", bound=ExecutionFailed)


def described(error: Failure, client: Client, execution_id: str) -> Failure:
    """The error, which describes the failure where a person sees it; not in a flow."""
    if current_context() is None:
        error.describe = _Description(client, execution_id)
    return error


class _Description:
    """Looks up why an execution failed when the error is shown; once for each cell."""

    def __init__(self, client: Client, execution_id: str) -> None:
        self._client, self._execution_id = client, execution_id
        self._report: FailureReport | None = None
        self._shown_in: int | None = None  #: The number of a cell.

    def __call__(self) -> list[str]:
        """Display the report, where that can be; else its lines."""
        from flowkernel.client.failure_lookup import failure_report

        report = self._report or failure_report(self._client, self._execution_id)
        self._report = report
        if report is None:
            return []
        shell = running_shell()
        if not has_display(shell):
            return report.text().splitlines()
        if self._shown_in != shell.execution_count:  # IPython asks more than once.
            self._shown_in = shell.execution_count
            shell.display_pub.publish(report.bundle())
        return []


def running_shell() -> Any:
    """IPython's shell in this process; None if there is none."""
    return getattr(builtins, "get_ipython", lambda: None)()


def has_display(shell: Any) -> bool:
    """Whether a shell belongs to a kernel, whose outputs are displayed elsewhere."""
    return getattr(shell, "kernel", None) is not None
