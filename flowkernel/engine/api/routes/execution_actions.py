"""The verbs under `execution`: wait for it, ask about it, cancel, pause, resume, run, ..."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.core.status import ExecutionStatus
from flowkernel.engine import schemas
from flowkernel.engine.api.direct_route import DirectRoute
from flowkernel.engine.api.responses import answer, ask
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.dispatch.wait_requests import hold
from flowkernel.engine.prompts.inbox import Inbox
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import StartRequest

S = ExecutionStatus


def verb_routes(service: Service, dispatcher: Dispatcher, inbox: Inbox) -> APIRouter:
    """The verbs."""
    routes = APIRouter(tags=["execution"], route_class=DirectRoute)

    @routes.post("/execution/{execution_id}/wait")
    async def wait(execution_id: str, body: schemas.WaitBody) -> Response:
        """Whether it is over; held open for `seconds`."""
        return answer(await hold(service, dispatcher, inbox, execution_id, body))

    @routes.post("/execution/{execution_id}/cancel")
    async def cancel(execution_id: str, body: schemas.VerbBody) -> Response:
        """Stop it, and everything under it."""
        return answer(
            (await ask(service.cancel, execution_id, body.started_by)).to_json()
        )

    @routes.post("/execution/{execution_id}/pause")
    async def pause(execution_id: str, body: schemas.VerbBody) -> Response:
        """Let it stop after the cell that runs now."""
        return answer(
            (await ask(service.pause, execution_id, body.started_by)).to_json()
        )

    @routes.post("/execution/{execution_id}/resume")
    async def resume(execution_id: str, body: schemas.VerbBody) -> Response:
        """Let a paused one go on."""
        execution = await ask(service.resume, execution_id, body.started_by)
        if execution.status is S.PAUSED:
            dispatcher.resume(execution_id)
        return answer(execution.to_json())

    @routes.post("/execution/{execution_id}/run")
    async def run(execution_id: str, body: schemas.VerbBody) -> Response:
        """Start one that was only recorded."""
        told = await ask(service.run, execution_id, body.inputs, body.started_by)
        return answer(told.to_json())

    @routes.post("/execution/{execution_id}/retry")
    async def retry(execution_id: str, body: schemas.VerbBody) -> Response:
        """Start it again, as a new execution."""
        asked = StartRequest(
            execution_id=body.execution_id,
            started_by=body.started_by,
            inputs=body.inputs,
        )
        return answer((await ask(service.retry, execution_id, asked)).to_json(), 201)

    return routes
