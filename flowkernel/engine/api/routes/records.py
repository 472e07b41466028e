"""`event`, `sql`; and what keeps the record: `prune`, deletion, `compact`, `backup`."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse

from flowkernel.core.json_values import dumps
from flowkernel.engine import schemas
from flowkernel.engine.api.responses import answer, ask
from flowkernel.engine.event_stream import EventStream
from flowkernel.engine.retention import delete, prune
from flowkernel.engine.service import Service
from flowkernel.store import SqlLimits


def reading_routes(service: Service, stream: EventStream) -> APIRouter:
    """The routes of the record as a whole."""
    routes = APIRouter()

    @routes.get("/event", tags=["event"])
    async def events(
        cursor: int = 0, root_id: str | None = None, execution_id: str | None = None
    ) -> StreamingResponse:
        """What happens from `cursor` on, as server-sent events."""

        async def lines() -> AsyncIterator[bytes]:
            yield b": hello\n\n"
            async for event in stream.watch(cursor, root_id, execution_id):
                if event is None:
                    yield b": still here\n\n"
                else:
                    text = dumps(event.to_json())
                    yield f"id: {event.seq}\ndata: {text}\n\n".encode()

        return StreamingResponse(lines(), media_type="text/event-stream")

    @routes.post("/sql", tags=["sql"])
    async def sql(body: schemas.SqlBody) -> Response:
        """Ask the store a question; it only reads."""
        config = service.config
        limits = SqlLimits(config.sql_seconds, config.sql_rows, config.sql_bytes)
        if body.format == "arrow":
            content = await ask(service.store.query_arrow, body.sql, limits)
            return Response(content, media_type="application/vnd.apache.arrow.stream")
        told = await ask(service.store.query, body.sql, limits)
        return answer(
            {
                "columns": told.columns,
                "types": told.types,
                "rows": told.rows,
                "is_cut": told.is_cut,
            }
        )

    @routes.post("/prune", tags=["engine"])
    async def prune_families(body: schemas.PruneBody) -> Response:
        """Let old families go, while everything goes on."""
        told = await ask(
            prune, service, days=body.days, keep=body.keep, is_dry=body.is_dry
        )
        return answer(told.to_json())

    @routes.delete("/execution/{execution_id}", tags=["execution"])
    async def delete_execution(execution_id: str) -> Response:
        """Let one go that has ended, and everything under it."""
        await ask(delete, service, execution_id)
        return answer({})

    @routes.post("/compact", tags=["engine"])
    async def compact() -> Response:
        """Give the free room in the database back, while everything goes on."""
        before = service.store.size_bytes
        await ask(service.compact)
        return answer({"before": before, "after": service.store.size_bytes})

    @routes.post("/backup", tags=["engine"])
    async def backup() -> Response:
        """Copy the database into the backup folder while everything goes on."""
        return answer({"path": await ask(service.backup)})

    return routes
