"""`engine`: who answers here, and how it goes away."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.clock import monotonic
from flowkernel.engine import bodies
from flowkernel.engine.dispatcher import Dispatcher
from flowkernel.engine.routes.answers import answer, ask
from flowkernel.engine.service import Service
from flowkernel.errors import BadArgument
from flowkernel.models import Json
from flowkernel.status import ExecutionStatus

S = ExecutionStatus


def engine_routes(
    service: Service,
    dispatcher: Dispatcher,
    about: dict[str, Json],
    stop: Callable[[], None],
) -> APIRouter:
    """The routes of `engine`."""
    routes = APIRouter(tags=["engine"])

    @routes.get("/engine")
    async def engine() -> Response:
        """Who answers here, and how much is under way."""
        counts = {f"{s.lower()}": 0 for s in S if not s.is_ended}
        for execution in list(service.store.live.values()):
            counts[execution.status.lower()] += 1
        return answer(
            {
                **about,
                **counts,
                "slots": dispatcher.config.slot_count,
                "workers": len(dispatcher.workers),
                "database_bytes": service.store.size_bytes,
            }
        )

    @routes.post("/engine/stop")
    async def engine_stop(body: bodies.StopBody) -> Response:
        """Go away; with `force`, cancel first what is under way."""
        live = list(service.store.live.values())
        if live and not body.force:
            raise BadArgument(
                f"{len(live)} execution(s) are under way. Wait for them, cancel them, or "
                "stop with `--force`, which cancels them all."
            )
        for execution in live:
            if (
                execution.parent_id is None
                or execution.parent_id not in service.store.live
            ):
                await ask(service.cancel, execution.execution_id, "engine stop")
        await _until_quiet(service, 15.0)
        dispatcher.is_stopping = True
        for worker in dispatcher.workers.values():
            worker.news.set()
        asyncio.get_running_loop().call_later(0.3, stop)
        return answer({})

    return routes


async def _until_quiet(service: Service, seconds: float) -> None:
    deadline = monotonic() + seconds
    while service.store.live and monotonic() < deadline:  # noqa: ASYNC110 (once, at the end)
        await asyncio.sleep(0.05)
