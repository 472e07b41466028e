"""Lists for people: the same columns in a notebook and on the command line. Pure."""

from collections.abc import Iterable
from datetime import datetime

from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Execution, Flow, Message
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.text import duration_text, one_line
from flowkernel.display.table import Table

SHORT = 8  #: Characters at the end of an id that people type.


def short_id(execution_id: str) -> str:
    """What a person types of an id: its end, which differs the most."""
    return execution_id[-SHORT:]


def moment_text(moment: datetime | None) -> str:
    """A moment on the clock of this machine, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def known_status(word: str | None) -> ExecutionStatus | None:
    """A status by its name or by the word that people see.

    Raises:
        BadArgument: There is no such status; lists them.
    """
    if word is None:
        return None
    by_word = {status.label: status for status in ExecutionStatus}
    found = by_word.get(word.lower())
    if found is None and word.upper() in ExecutionStatus.__members__:
        found = ExecutionStatus[word.upper()]
    if found is None:
        raise BadArgument(
            f"There is no status {word!r}. There are: {', '.join(ExecutionStatus)} "
            f"(or {', '.join(by_word)})."
        )
    return found


def flow_table(flows: Iterable[Flow]) -> Table:
    """Flows, as they come."""
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
    """Executions, as they come."""
    return Table(
        ("id", "name", "flow", "status", "created", "took", "message"),
        tuple(
            (
                short_id(execution.execution_id),
                execution.name,
                execution.flow_name,
                execution.status.label,
                moment_text(execution.created_at),
                "" if execution.duration is None else duration_text(execution.duration),
                one_line(execution.status_message or ""),
            )
            for execution in executions
        ),
    )


def message_table(messages: Iterable[Message]) -> Table:
    """Messages, as they come."""
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
