"""What became of a run: the decisions on its failures, and its retries."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from flowkernel.client.client import Client
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Event, Execution
from flowkernel.core.status import ExecutionStatus

S = ExecutionStatus
IDS_OF_REQUEST = 100  #: Runs whose retries one request asks for, inclusive.


def decisions_of(client: Client, execution: Execution) -> list[Event]:
    """The decisions on it and on those under it, oldest first.

    None are read of a run on which nothing was decided, as far as its record shows; a loss
    takes that out of it. An engine of an older version has none to give.
    """
    signs = (
        *(execution.decision, execution.decided_by, execution.decided_under),
        execution.losses,
    )
    if not any(signs):
        return []
    with suppress(FlowkernelError):
        path = f"/execution/{execution.execution_id}/decision"
        return [Event.from_json(record) for record in client.get_list(path)]
    return []


def retries_of(
    client: Client, executions: Iterable[Execution]
) -> Mapping[str, Execution]:
    """The last retry of each that failed or was cancelled and was retried, by its id."""
    ids = [
        execution.execution_id
        for execution in executions
        if execution.status in (S.ENDED_ERROR, S.ENDED_CANCELLED)
    ]
    retries: dict[str, Execution] = {}
    with suppress(FlowkernelError):  # An engine of an older version does not know it.
        for start in range(0, len(ids), IDS_OF_REQUEST):
            batch = ",".join(ids[start : start + IDS_OF_REQUEST])
            for record in client.get_list("/execution", retry_of=batch):
                retries.setdefault(record["retry_of"], Execution.from_json(record))
    return retries
