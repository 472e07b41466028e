"""The record as a whole: `event`, `sql`, `prune`, `compact`, `backup`."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.engine import database_copy
from flowkernel.engine.api import schemas
from flowkernel.engine.api.dependencies import CurrentEngine
from flowkernel.engine.api.query import Flag, Seq
from flowkernel.engine.api.responses import in_thread, json_response
from flowkernel.engine.api.sse import LastEventId, StreamResponse
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.field_types import Id
from flowkernel.engine.retention import prune as prune_families
from flowkernel.engine.streams.event_stream import EventSelection
from flowkernel.engine.streams.feed import Cursor

#: What a result is, by the `format` that was asked for.
SQL_TYPES = {
    "json": "application/json",
    "arrow": "application/vnd.apache.arrow.stream",
}
router = APIRouter(route_class=StrictRoute)


@router.get("/event", tags=["event"])
async def events(
    engine: CurrentEngine,
    cursor: Seq | None = None,
    last_event_id: LastEventId = None,
    root_id: Id | None = None,
    execution_id: Id | None = None,
    is_passive: Flag = False,
) -> StreamResponse:
    """What happens after `cursor`, or from now on, as server-sent events."""
    stream = engine.streams.events
    start = cursor if last_event_id is None else last_event_id
    selection = EventSelection(root_id, execution_id)
    first = Cursor(stream.last_seq if start is None else start)
    return StreamResponse(stream.watch(first, selection, is_passive=is_passive))


@router.post("/sql", tags=["sql"])
async def sql(body: schemas.SqlBody, engine: CurrentEngine) -> Response:
    """Run a query on the store; it only reads."""
    content = await engine.sql.ask(body.sql, body.format)
    return Response(content, media_type=SQL_TYPES[body.format])


@router.post("/prune", tags=["engine"])
async def prune(body: schemas.PruneBody, engine: CurrentEngine) -> Response:
    """Delete old families, while everything continues."""
    result = await in_thread(
        prune_families,
        engine.service,
        days=body.days,
        keep=body.keep,
        is_dry=body.is_dry,
        as_of=body.as_of,
    )
    return json_response(result.to_json())


@router.post("/compact", tags=["engine"])
async def compact(
    engine: CurrentEngine, body: schemas.NoFields | None = None
) -> Response:
    """Give free space in the database file back to the disk, while everything continues."""
    size_before = engine.store.size_bytes
    await in_thread(database_copy.compact, engine.store, engine.service.home)
    return json_response({"before": size_before, "after": engine.store.size_bytes})


@router.post("/backup", tags=["engine"])
async def backup(
    engine: CurrentEngine, body: schemas.NoFields | None = None
) -> Response:
    """Copy the database into the backup folder, while everything continues."""
    path = await in_thread(database_copy.backup, engine.store, engine.service.home)
    return json_response({"path": path})
