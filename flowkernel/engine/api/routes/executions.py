"""`execution`: start one, read it, and what a flow says of itself."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.core.json_values import dumps
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine import schemas
from flowkernel.engine.api.direct_route import DirectRoute
from flowkernel.engine.api.responses import answer, answer_text, ask, check_limit
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.service import Service
from flowkernel.engine.start_plan import StartRequest

S = ExecutionStatus


def execution_routes(service: Service, dispatcher: Dispatcher) -> APIRouter:
    """The routes of `execution`."""
    routes = APIRouter(tags=["execution"])
    direct = APIRouter(tags=["execution"], route_class=DirectRoute)

    @direct.post("/execution")
    async def start(body: schemas.StartBody) -> Response:
        """Start an execution; 201 once it is on disk."""
        execution = await ask(service.start, StartRequest(**body.model_dump()))
        return answer(execution.to_json(), 201)

    @routes.get("/execution")
    async def list_executions(
        status: S | None = None,
        flow_name: str | None = None,
        parent_id: str | None = None,
        root_id: str | None = None,
        is_archived: bool | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Response:
        """The newest first."""
        check_limit(limit)
        found = await ask(
            service.store.list_executions,
            status=status,
            flow_name=flow_name,
            parent_id=parent_id,
            root_id=root_id,
            is_archived=is_archived,
            limit=limit,
            cursor=cursor,
        )
        return answer([execution.to_json() for execution in found])

    @routes.get("/execution/{execution_id}")
    async def get_execution(execution_id: str) -> Response:
        """One, by its id or the unambiguous beginning or end of it."""
        return answer((await ask(service.find, execution_id)).to_json())

    @routes.get("/execution/{execution_id}/tree")
    async def tree(execution_id: str) -> Response:
        """It and everything under it, and the cursor to follow from.

        Those under it come without their inputs, output, error and environment.
        """
        cursor = service.store.last_seq
        top, below = await ask(service.subtree, execution_id)
        ids = [top.execution_id, *(member.execution_id for member in below)]
        known = {id_: dispatcher.progress.get(id_) for id_ in ids}
        progress = {id_: told.to_json() for id_, told in known.items() if told}
        texts = [dumps(top.to_json()), *(member.text for member in below)]
        return answer_text(
            f'{{"executions":[{",".join(texts)}],"progress":{dumps(progress)},'
            f'"cursor":{cursor}}}'
        )

    @routes.get("/execution/{execution_id}/ancestors")
    async def ancestors(execution_id: str) -> Response:
        """Its parent, its parent's parent, and so on to the root."""
        one = await ask(service.find, execution_id)
        found = await ask(service.store.ancestors, one.execution_id)
        return answer([execution.to_json() for execution in found])

    @routes.get("/execution/{execution_id}/cell_run")
    async def cell_runs(execution_id: str) -> Response:
        """Its cell runs, in the order in which they started."""
        found = await ask(service.store.cell_runs, execution_id)
        return answer([run.to_json() for run in found])

    @routes.get("/execution/{execution_id}/log")
    async def log(
        execution_id: str, after_seq: int = 0, limit: int = 10_000
    ) -> Response:
        """What it logged and printed."""
        check_limit(limit)
        found = await ask(
            service.store.log, execution_id, after_seq=after_seq, limit=limit
        )
        return answer([event.to_json() for event in found])

    @routes.patch("/execution/{execution_id}")
    async def save(execution_id: str, body: schemas.SaveBody) -> Response:
        """Overwrite its name, message, or whether it is archived."""
        values = body.model_dump(exclude_unset=True)
        return answer((await ask(service.save, execution_id, values, "REST")).to_json())

    @routes.post("/execution/{execution_id}/output")
    async def output(execution_id: str, body: schemas.OutputBody) -> Response:
        """Add to its output, or replace it."""
        told = await ask(
            service.set_output, execution_id, body.output, merge=body.merge
        )
        return answer({"output": told.output})

    @routes.post("/execution/{execution_id}/log")
    async def add_log(execution_id: str, body: schemas.LogBody) -> Response:
        """Add to its log."""
        await ask(service.log, execution_id, body.stream, body.text)
        return answer({})

    direct.include_router(routes)
    return direct
