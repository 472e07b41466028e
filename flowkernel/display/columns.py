"""Lists for people: the same columns in notebooks and on the command line. Pure."""

from collections.abc import Iterable
from datetime import datetime

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Execution, Flow, Message
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import one_line
from flowkernel.display.outcome_text import status_text, work_text
from flowkernel.display.table import Table

SHORT = 8  #: Characters of a short id.


def short_id(execution_id: str) -> str:
    """The end of an id, which differs the most: enough to type."""
    return execution_id[-SHORT:]


def moment_text(moment: datetime | None) -> str:
    """A moment in the time zone of this machine, to the second; empty for None."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def parse_status(word: str | None) -> ExecutionStatus | None:
    """A status by its label or its stored value; None for None.

    Raises:
        BadArgument: There is no such status; lists all.
    """
    if word is None:
        return None
    by_label = {status.label: status for status in ExecutionStatus}
    status = by_label.get(word.lower())
    if status is None and word.upper() in ExecutionStatus.__members__:
        status = ExecutionStatus[word.upper()]
    if status is None:
        raise BadArgument(
            f"There is no status {word!r}. Choose one of: {', '.join(by_label)} "
            f"(or {', '.join(ExecutionStatus)})."
        )
    return status


def flow_table(flows: Iterable[Flow]) -> Table:
    """Flows as a table, in the given order."""
    return Table(
        ("name", "kind", "version", "registered", "description"),
        tuple(
            (
                flow.name,
                flow.kind.value.lower(),
                flow.flow_version[:SHORT],
                moment_text(flow.registered_at),
                one_line(flow.description or flow.path or ""),
            )
            for flow in flows
        ),
    )


def execution_table(executions: Iterable[Execution]) -> Table:
    """Executions as a table, in the given order."""
    return Table(
        ("id", "name", "flow", "status", "created", "took", "message"),
        tuple(
            (
                short_id(execution.execution_id),
                execution.name,
                execution.flow_name,
                status_text(execution),
                moment_text(execution.created_at),
                work_text(execution),
                one_line(execution.status_message or ""),
            )
            for execution in executions
        ),
    )


def message_table(messages: Iterable[Message]) -> Table:
    """Messages as a table, in the given order."""
    return Table(
        ("id", "subject", "message", "type", "sent", "status", "execution"),
        tuple(
            (
                short_id(message.message_id),
                message.subject,
                one_line(message.message or ""),
                message.message_type,
                moment_text(message.created_at),
                message.status.label,
                short_id(message.execution_id),
            )
            for message in messages
        ),
    )
