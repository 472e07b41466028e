"""What a worker reports of an execution that somebody cancels meanwhile."""

import pytest

from flowkernel.core.event_factory import make_event
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus
from flowkernel.core.worker_report import WorkerReport
from flowkernel.engine.dispatch.worker_reports import accept
from flowkernel.engine.start_plan import StartRequest
from tests.stage import service

__all__ = ["service"]

S = ExecutionStatus
K = EventKind


@pytest.mark.parametrize(
    "end",
    [
        {"status": S.ENDED_SUCCESS, "status_message": None},
        {"status": S.ENDED_SUCCESS, "status_message": "All done."},
        {"status": S.ENDED_ERROR, "error": {"name": "ZeroDivisionError"}},
        {"status": S.ENDED_CANCELLED},
    ],
    ids=["succeeded", "said that it succeeded", "failed", "cancelled"],
)
def test_a_cancel_that_somebody_was_told_of_stays(service, end):
    """Its worker hears of it after the last cell."""
    id_ = service.start(StartRequest(flow="f")).execution_id
    service.store.append([make_event(id_, K.STARTED, worker="w")])
    service.cancel(id_, "ada")
    event = make_event(id_, K.ENDED, "w", notebook_path="/a.ipynb", **end)

    assert accept(service, "w", [WorkerReport(event, 1)]) == []

    ended = service.store.get_execution(id_)
    assert ended.status is S.ENDED_CANCELLED
    assert ended.status_message == "Cancelled by ada."
    assert (ended.error, ended.notebook_path) == (None, "/a.ipynb")
