"""`worker`: what workers request and report."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentEngine
from flowkernel.engine.api.event_schemas import EventRecord
from flowkernel.engine.api.responses import in_thread, json_response, token_response
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.dispatch.assignments import with_variable_names
from flowkernel.engine.dispatch.worker_lease import FailedStart, WorkerState
from flowkernel.engine.dispatch.worker_reports import accept
from flowkernel.engine.dispatch.worker_tokens import with_tokens
from flowkernel.engine.service import Service

router = APIRouter(tags=["worker"], route_class=StrictRoute)


@router.post("/worker/{worker_id}/poll")
async def poll(
    worker_id: str, body: schemas.PollBody, engine: CurrentEngine
) -> Response:
    """What this worker has to do; held open for a moment."""
    dispatcher = engine.dispatcher
    worker = dispatcher.note_worker(
        worker_id, pid=body.pid, process_started_at=body.process_started_at
    )
    state = WorkerState(
        holding={id_: body.attempts.get(id_) for id_ in body.holding},
        paused=set(body.paused),
        capacity=body.capacity,
        capacity_reason=body.capacity_reason,
        kept=body.kept,
        failed_starts={
            id_: FailedStart(record.attempt, record.why)
            for id_, record in body.failed_starts.items()
        },
    )
    reply = await dispatcher.poll(worker, state)
    reply = with_variable_names(engine.store.live, reply)
    return token_response(with_tokens(engine.tokens, reply))


@router.post("/worker/{worker_id}/report")
async def report(
    worker_id: str, body: schemas.ReportBody, engine: CurrentEngine
) -> Response:
    """What happened in this worker."""
    engine.dispatcher.note_worker(
        worker_id, pid=body.pid, process_started_at=body.process_started_at
    )
    refused_ids = await in_thread(_accept, engine.service, worker_id, body.events)
    return json_response({"refused": refused_ids})


def _accept(service: Service, worker_id: str, records: list[EventRecord]) -> list[str]:
    """The ids of the events that were refused; in a thread, for there may be many."""
    return accept(service, worker_id, [r.to_report(worker_id) for r in records])
