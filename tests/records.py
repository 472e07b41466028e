"""Records of executions for tests, with what a test does not care about filled in."""

from datetime import UTC, datetime
from typing import Any

from flowkernel.core.clock import new_id
from flowkernel.core.models import Execution
from flowkernel.core.status import ExecutionStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def an_execution(
    execution_id: str | None = None,
    status: ExecutionStatus = ExecutionStatus.RUNNING,
    **fields: Any,
) -> Execution:
    """An execution of the flow `report`, created at noon; a root, if nothing else is said.

    Args:
        execution_id: None: a new one.
    """
    id_ = execution_id or new_id()
    values = {
        "root_id": id_,
        "type": "FLOW",
        "flow_name": "report",
        "flow_version": "v1",
        "name": fields.get("flow_name", "report"),
        "created_at": NOON,
        **fields,
    }
    return Execution(execution_id=id_, status=status, **values)
