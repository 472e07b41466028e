"""`execution/change`: the rows that changed, as pages and as a stream."""

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.core.json_values import dumps
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine.api.dependencies import CurrentEngine
from flowkernel.engine.api.query import Flag, Limit, Seq
from flowkernel.engine.api.responses import json_text_response
from flowkernel.engine.api.sse import LastEventId, StreamResponse
from flowkernel.engine.api.strict_route import StrictRoute
from flowkernel.engine.field_types import Id
from flowkernel.engine.streams.row_changes import ChangeSelection

router = APIRouter(tags=["execution"], route_class=StrictRoute)


@router.get("/execution/change")
async def changes(
    engine: CurrentEngine,
    after_seq: Seq | None = None,
    root_id: Id | None = None,
    parent_id: Id | None = None,
    status: ExecutionStatus | None = None,
    limit: Limit = 1_000,
    is_passive: Flag = True,
) -> Response:
    """The newest row of each execution and message that changed after `after_seq`."""
    if not is_passive:
        engine.note_request()
    stream = engine.streams.changes
    selection = ChangeSelection(root_id, parent_id, status)
    start = stream.last_seq if after_seq is None else after_seq
    page = await stream.page(start, selection, limit)
    values = {
        "seq": page.seq,
        "is_complete": page.is_complete,
        "removed": stream.removed_after(start),
        "removed_since": stream.removals.since,
    }
    changes = ",".join(page.texts)
    return json_text_response(f'{{"changes":[{changes}],{dumps(values)[1:]}')


@router.get("/execution/change/stream")
async def change_stream(
    engine: CurrentEngine,
    after_seq: Seq | None = None,
    last_event_id: LastEventId = None,
    root_id: Id | None = None,
    parent_id: Id | None = None,
    status: ExecutionStatus | None = None,
    is_passive: Flag = True,
) -> StreamResponse:
    """The same, and then what changes, as server-sent events."""
    if not is_passive:
        engine.note_request()
    stream = engine.streams.changes
    selection = ChangeSelection(root_id, parent_id, status)
    cursor = stream.cursor(after_seq if last_event_id is None else last_event_id)
    return StreamResponse(stream.watch(cursor, selection, is_passive=is_passive))
