"""Lists for people: the same columns in notebooks and on the command line. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from flowkernel.core import clock
from flowkernel.core.clock import short_id as short_id
from flowkernel.core.errors import BadArgument
from flowkernel.core.models import Execution, Flow, Message
from flowkernel.core.moments import past_moment
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.core.text import DETAIL, duration_text, one_line
from flowkernel.display.markdown_text import markdown_line
from flowkernel.display.outcome_text import (
    SHOWN_WAIT,
    retried_text,
    waited_seconds,
    work_text,
)
from flowkernel.display.sortable_html import SortableText
from flowkernel.display.table import Table

SHORT_VERSION = 8  #: Characters of the version of a flow.
WAITED = "waited"  #: The column with how long a run waited for people.
#: How `ls` names them, whatever language the terminal has.
MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"
#: What shows a moment in a list.
ShowMoment = Callable[[datetime | None], str]


def moment_text(moment: datetime | None) -> str:
    """A moment in the time zone of this machine, to the second; empty for None."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def brief_moment_text(moment: datetime | None) -> str:
    """The same in at most 12 characters: `23:49:22` of today, `Nov 26 23:49`, `2025-12-31`."""
    if moment is None:
        return ""
    local, today = moment.astimezone(), clock.now().astimezone().date()
    if local.date() == today:
        return f"{local:%H:%M:%S}"
    if local.year == today.year:
        return f"{MONTHS[3 * local.month - 3 : 3 * local.month]} {local.day:>2} {local:%H:%M}"
    return f"{local:%Y-%m-%d}"


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
        nearest = suggestion(word.lower(), by_label, otherwise="Choose another one.")
        raise BadArgument(
            f"There is no status {quoted_name(word)}. {nearest} They are: "
            f"{', '.join(by_label)} (or {', '.join(ExecutionStatus)})."
        )
    return status


def list_filters(
    status: str | None = None,
    age: str | None = None,
    flow_name: str | None = None,
    *,
    is_failed: bool = False,
    is_running: bool = False,
    has_archived: bool = False,
) -> dict[str, Any]:
    """What `Client.list_executions` takes, for the options of a list. None: any.

    Args:
        age: As `--since` takes it.

    Raises:
        BadArgument: There is no such status or moment, or two options exclude each other.
    """
    options = {"--status": status, "--failed": is_failed, "--running": is_running}
    names = [name for name, value in options.items() if value]
    if len(names) > 1:
        raise BadArgument(f"{' and '.join(names)} exclude each other. Leave one out.")
    return {
        "status": ExecutionStatus.ENDED_ERROR if is_failed else parse_status(status),
        "is_ended": False if is_running else None,
        "since": past_moment(age, "--since") if age else None,
        "flow_name": flow_name,
        "is_archived": None if has_archived else False,
    }


def flow_table(
    flows: Iterable[Flow], *, show_moment: ShowMoment = moment_text
) -> Table:
    """Flows as a table, in the given order."""
    return Table(
        ("name", "kind", "version", "registered", "wrapped by", "description"),
        tuple(
            (
                flow.name,
                "wrapper" if flow.is_wrapper else flow.kind.value.lower(),
                flow.flow_version[:SHORT_VERSION],
                show_moment(flow.registered_at),
                ", ".join(use["name"] for use in flow.wrappers),
                markdown_line(flow.description) if flow.description else flow.path,
            )
            for flow in flows
        ),
        empty="There is no flow yet. `%%flow NAME` above a cell makes one of it.",
    )


def execution_table(
    executions: Iterable[Execution],
    *,
    show_moment: ShowMoment = moment_text,
    widest: int | None = DETAIL,
    retries: Mapping[str, Execution] | None = None,
) -> Table:
    """Executions as a table, in the given order; of a wrapper, the flow that it runs.

    `retries`: the last retry of those that were retried, by their ids.
    `widest`: characters of a message, inclusive; None: all.
    """
    return Table(
        ("id", "name", "flow", "status", "created", "took", WAITED, "message"),
        tuple(
            (
                short_id(execution.execution_id),
                execution.name,
                (execution.wrapped or execution).flow_name,
                retried_text(execution, (retries or {}).get(execution.execution_id)),
                show_moment(execution.created_at),
                _work_cell(execution),
                _waited_cell(execution),
                one_line(execution.status_message or "", widest),
            )
            for execution in executions
        ),
        empty="No run matches.",
    )


def _work_cell(execution: Execution) -> str:
    """How long it worked, for people, which a table sorts by its length."""
    seconds, text = execution.work_seconds, work_text(execution)
    return text if seconds is None else SortableText.of(text, seconds)


def _waited_cell(execution: Execution) -> str:
    """How long it waited for people; empty if it did not."""
    seconds = waited_seconds(execution, clock.now())
    if seconds < SHOWN_WAIT:
        return ""
    return SortableText.of(duration_text(seconds), seconds)


def message_table(
    messages: Iterable[Message],
    *,
    show_moment: ShowMoment = moment_text,
    widest: int | None = DETAIL,
) -> Table:
    """Messages as a table, in the given order.

    `widest`: characters of a message, inclusive; None: all.
    """
    return Table(
        ("id", "subject", "message", "type", "sent", "status", "execution"),
        tuple(
            (
                short_id(message.message_id),
                message.subject,
                markdown_line(message.message or "", widest),
                message.message_type,
                show_moment(message.created_at),
                message.status.label,
                short_id(message.execution_id),
            )
            for message in messages
        ),
        empty="Nothing waits for an answer.",
    )
