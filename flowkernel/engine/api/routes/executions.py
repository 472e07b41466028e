"""`execution`: start one, read it, change it; and what a flow says of itself."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.core.json_values import dumps
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentCaller, CurrentEngine
from flowkernel.engine.api.query import MAX_LIMIT, Flag, Limit, Seq
from flowkernel.engine.api.responses import (
    in_thread,
    json_response,
    json_text_response,
)
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.caller_checks import as_caller
from flowkernel.engine.dispatch.worker_tokens import external_tokens
from flowkernel.engine.field_types import Id
from flowkernel.engine.retention import delete

router = APIRouter(tags=["execution"], route_class=StrictRoute)


@router.post("/execution")
async def start(
    body: schemas.StartBody, engine: CurrentEngine, caller: CurrentCaller
) -> Response:
    """Start an execution; 201 once it is on disk."""
    request = as_caller(body, caller)
    execution = await in_thread(engine.service.start, request, caller=caller)
    tokens = {}
    if request.worker is not None:  # A papermill of its own runs it.
        tokens = external_tokens(
            engine.tokens, engine.store, execution, request.worker, caller
        )
    return json_response({**execution.to_json(), **tokens}, 201)


@router.get("/execution")
async def list_executions(
    engine: CurrentEngine,
    status: ExecutionStatus | None = None,
    flow_name: str | None = None,
    parent_id: Id | None = None,
    root_id: Id | None = None,
    is_archived: Flag | None = None,
    limit: Limit = 50,
    cursor: Id | None = None,
) -> Response:
    """The newest first."""
    executions = await in_thread(
        engine.store.list_executions,
        status=status,
        flow_name=flow_name,
        parent_id=parent_id,
        root_id=root_id,
        is_archived=is_archived,
        limit=limit,
        cursor=cursor,
    )
    return json_response([execution.to_json() for execution in executions])


@router.get("/execution/{execution_id}")
async def get_execution(execution_id: str, engine: CurrentEngine) -> Response:
    """One, by its id or the unambiguous beginning or end of it."""
    execution = await in_thread(engine.service.find, execution_id)
    return json_response(execution.to_json())


@router.get("/execution/{execution_id}/tree")
async def tree(execution_id: str, engine: CurrentEngine) -> Response:
    """It and everything under it, and the cursor to follow from.

    Those under it come without their inputs, output, error and environment.
    """
    cursor = engine.store.last_seq
    top, members = await in_thread(engine.service.subtree, execution_id)
    ids = [top.execution_id, *(member.execution_id for member in members)]
    by_id = engine.dispatcher.progress
    progress = {id_: by_id[id_].to_json() for id_ in ids if id_ in by_id}
    texts = [dumps(top.to_json()), *(member.text for member in members)]
    return json_text_response(
        f'{{"executions":[{",".join(texts)}],"progress":{dumps(progress)},'
        f'"cursor":{cursor}}}'
    )


@router.get("/execution/{execution_id}/ancestors")
async def ancestors(execution_id: str, engine: CurrentEngine) -> Response:
    """Its parent, its parent's parent, and so on to the root."""
    execution = await in_thread(engine.service.find, execution_id)
    parents = await in_thread(engine.store.ancestors, execution.execution_id)
    return json_response([parent.to_json() for parent in parents])


@router.get("/execution/{execution_id}/cell_run")
async def cell_runs(execution_id: str, engine: CurrentEngine) -> Response:
    """Its cell runs, in the order in which they started."""
    runs = await in_thread(engine.store.cell_runs, execution_id)
    return json_response([run.to_json() for run in runs])


@router.get("/execution/{execution_id}/log")
async def log(
    execution_id: str,
    engine: CurrentEngine,
    after_seq: Seq = 0,
    limit: Limit = MAX_LIMIT,
) -> Response:
    """What it logged and printed."""
    events = await in_thread(
        engine.store.log, execution_id, after_seq=after_seq, limit=limit
    )
    return json_response([event.to_json() for event in events])


@router.patch("/execution/{execution_id}")
async def save(
    execution_id: str,
    body: schemas.SaveBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Overwrite its name, message, or whether it is archived."""
    values = body.model_dump(exclude_unset=True)
    actor = caller.actor("REST")
    execution = await in_thread(
        engine.service.save, execution_id, values, actor, caller=caller
    )
    return json_response(execution.to_json())


@router.post("/execution/{execution_id}/output")
async def output(
    execution_id: str,
    body: schemas.OutputBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Add to its output, or replace it."""
    execution = await in_thread(
        engine.service.set_output,
        execution_id,
        body.output,
        merge=body.merge,
        caller=caller,
    )
    return json_response({"output": execution.output})


@router.post("/execution/{execution_id}/log")
async def add_log(
    execution_id: str,
    body: schemas.LogBody,
    engine: CurrentEngine,
    caller: CurrentCaller,
) -> Response:
    """Add to its log."""
    await in_thread(
        engine.service.log, execution_id, body.stream, body.text, caller=caller
    )
    return json_response({})


@router.delete("/execution/{execution_id}")
async def delete_execution(execution_id: str, engine: CurrentEngine) -> Response:
    """Delete one that has ended, and everything under it."""
    await in_thread(delete, engine.service, execution_id)
    return json_response({})
