"""`execution`: start one, read it, change it; and what a flow says of itself."""

from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response

from flowkernel.core.json_values import dumps
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentCaller, CurrentEngine
from flowkernel.engine.api.pages import next_number, page_response, tree_page
from flowkernel.engine.api.query import MAX_LIMIT, Count, Flag, Level, Limit, Seq
from flowkernel.engine.api.responses import (
    in_thread,
    json_response,
    json_text_response,
    token_response,
)
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.caller_checks import as_caller
from flowkernel.engine.callers import PersonCaller
from flowkernel.engine.dispatch.worker_tokens import external_tokens
from flowkernel.engine.field_types import Id, Ids, PastMoment
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
    return token_response({**execution.to_json(), **tokens}, 201)


@router.get("/execution")
async def list_executions(
    request: Request,
    engine: CurrentEngine,
    status: ExecutionStatus | None = None,
    flow_name: str | None = None,
    parent_id: Id | None = None,
    root_id: Id | None = None,
    retry_of: Ids | None = None,
    level: Level | None = None,
    is_ended: Flag | None = None,
    is_archived: Flag | None = None,
    since: PastMoment | None = None,
    limit: Limit = 50,
    cursor: Id | None = None,
) -> Response:
    """The newest first."""
    read = partial(
        engine.store.list_executions,
        status=status,
        flow_name=flow_name,
        parent_id=parent_id,
        root_id=root_id,
        retry_of=retry_of.split(",") if retry_of else None,
        is_root=level is not None,
        is_ended=is_ended,
        is_archived=is_archived,
        oldest=since,
    )
    return await page_response(
        request,
        lambda last_id, count: read(cursor=last_id, limit=count),
        lambda execution, _position: execution.execution_id,
        start=cursor,
        limit=limit,
    )


@router.get("/execution/{execution_id}")
async def get_execution(execution_id: str, engine: CurrentEngine) -> Response:
    """One, by its id or the unambiguous beginning or end of it."""
    execution = await in_thread(engine.service.find, execution_id)
    record = execution.to_json()
    if execution.status is ExecutionStatus.QUEUED:
        record["status_message"] = engine.dispatcher.queue_reason(execution.depth)
    return json_response(record)


@router.get("/execution/{execution_id}/tree")
async def tree(
    request: Request,
    execution_id: str,
    engine: CurrentEngine,
    limit: Limit = MAX_LIMIT,
    cursor: Id | None = None,
) -> Response:
    """It and everything under it, and the cursor to follow from.

    Those under it come without their inputs, output, error and environment.
    """
    last_seq = engine.store.last_seq
    top, members = await in_thread(engine.service.subtree, execution_id)
    page, ids = tree_page(top, members, limit=limit, cursor=cursor)
    by_id = engine.dispatcher.progress
    progress = {id_: by_id[id_].to_json() for id_ in ids if id_ in by_id}
    response = json_text_response(
        f'{{"executions":[{",".join(page.texts)}],"progress":{dumps(progress)},'
        f'"cursor":{last_seq}}}'
    )
    page.add_link(request, response)
    return response


@router.get("/execution/{execution_id}/ancestors")
async def ancestors(
    request: Request,
    execution_id: str,
    engine: CurrentEngine,
    limit: Limit = MAX_LIMIT,
    cursor: Count = 0,
) -> Response:
    """Its parent, its parent's parent, and so on to the root."""
    execution = await in_thread(engine.service.find, execution_id)
    read = partial(engine.store.ancestors, execution.execution_id)
    return await page_response(
        request,
        lambda offset, count: read(offset=offset, limit=count),
        next_number,
        start=cursor,
        limit=limit,
    )


@router.get("/execution/{execution_id}/decision")
async def decisions(
    request: Request,
    execution_id: str,
    engine: CurrentEngine,
    limit: Limit = MAX_LIMIT,
    cursor: Count = 0,
) -> Response:
    """What was decided on failures of it, and of those under it, oldest first."""
    execution = await in_thread(engine.service.find, execution_id)
    read = partial(engine.store.decisions, execution)
    return await page_response(
        request,
        lambda offset, count: read(offset=offset, limit=count),
        next_number,
        start=cursor,
        limit=limit,
    )


@router.get("/execution/{execution_id}/cell_run")
async def cell_runs(
    request: Request,
    execution_id: str,
    engine: CurrentEngine,
    limit: Limit = MAX_LIMIT,
    cursor: Count = 0,
) -> Response:
    """Its cell runs, in the order in which they started."""
    read = partial(engine.store.cell_runs, execution_id)
    return await page_response(
        request,
        lambda offset, count: read(offset=offset, limit=count),
        next_number,
        start=cursor,
        limit=limit,
    )


@router.get("/execution/{execution_id}/log")
async def log(
    request: Request,
    execution_id: str,
    engine: CurrentEngine,
    after_seq: Seq = 0,
    limit: Limit = MAX_LIMIT,
) -> Response:
    """What it logged and printed."""
    read = partial(engine.store.log, execution_id)
    return await page_response(
        request,
        lambda seq, count: read(after_seq=seq, limit=count),
        lambda event, _position: event.seq,
        start=after_seq,
        limit=limit,
        parameter="after_seq",
    )


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
        engine.service.log,
        execution_id,
        body.stream,
        body.text,
        event_id=body.event_id,
        caller=caller,
    )
    return json_response({})


@router.delete("/execution/{execution_id}")
async def delete_execution(
    execution_id: str, engine: CurrentEngine, caller: CurrentCaller
) -> Response:
    """Delete one that has ended, and everything under it."""
    try:
        await in_thread(delete, engine.service, engine.erasure, execution_id)
    finally:
        engine.erase_soon(is_person=isinstance(caller, PersonCaller))
    return json_response({})
