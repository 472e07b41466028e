"""`flow` and `flow_version`."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.core.models import Flow
from flowkernel.engine import schemas
from flowkernel.engine.api.responses import answer, ask
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.service import Service


def flow_routes(service: Service, dispatcher: Dispatcher) -> APIRouter:
    """The routes of `flow`."""
    routes = APIRouter(tags=["flow"])

    @routes.post("/flow")
    async def register(body: schemas.RegisterBody) -> Response:
        """Give a source a name, or a new source to a name."""
        told = await ask(service.register, Flow.from_json(body.model_dump()))
        dispatcher.need_worker()  # Somebody is about to run it: let papermill load meanwhile.
        return answer(told.to_json())

    @routes.get("/flow")
    async def list_flows() -> Response:
        """All flows, by name."""
        return answer([flow.to_json() for flow in service.store.list_flows()])

    @routes.get("/flow/{name}")
    async def get_flow(name: str) -> Response:
        """One flow, with its source."""
        return answer(service.store.get_flow(name).to_json())

    @routes.patch("/flow/{name}")
    async def wrap(name: str, body: schemas.WrapBody) -> Response:
        """Have every execution of it go through these wrappers."""
        told = await ask(service.wrap, name, body.model_dump()["wrappers"])
        return answer(told.to_json())

    @routes.delete("/flow/{name}")
    async def delete_flow(name: str) -> Response:
        """Forget the name; versions that ran are kept."""
        await ask(service.store.delete_flow, name)
        return answer({})

    @routes.get("/flow_version/{flow_version}")
    async def get_version(flow_version: str) -> Response:
        """The source of a version that ran."""
        return answer((await ask(service.store.get_version, flow_version)).to_json())

    return routes
