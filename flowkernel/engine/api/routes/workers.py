"""`worker`: what our workers ask and report."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.engine import schemas
from flowkernel.engine.api.direct_route import DirectRoute
from flowkernel.engine.api.responses import answer, ask
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.worker_reports import accept
from flowkernel.engine.service import Service


def worker_routes(service: Service, dispatcher: Dispatcher) -> APIRouter:
    """The routes of `worker`."""
    routes = APIRouter(tags=["worker"], route_class=DirectRoute)

    @routes.post("/worker/{worker_id}/poll")
    async def poll(worker_id: str, body: schemas.PollBody) -> Response:
        """What this worker has to do; held open a little."""
        worker = dispatcher.heard(
            worker_id, pid=body.pid, process_started_at=body.process_started_at
        )
        return answer(
            await dispatcher.poll(worker, set(body.holding), set(body.paused))
        )

    @routes.post("/worker/{worker_id}/report")
    async def report(worker_id: str, body: schemas.ReportBody) -> Response:
        """What happened in this worker."""
        dispatcher.heard(
            worker_id, pid=body.pid, process_started_at=body.process_started_at
        )
        refused = await ask(accept, service, worker_id, body.events)
        return answer({"refused": refused})

    return routes
