"""`engine`: who answers here, and how it goes away."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fastapi import APIRouter
from fastapi.responses import Response

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import BadArgument, MoveNotAllowed
from flowkernel.core.models import Execution, Json
from flowkernel.core.status import ExecutionStatus
from flowkernel.engine import schemas
from flowkernel.engine.api.responses import answer, ask
from flowkernel.engine.dispatch.dispatcher import Dispatcher
from flowkernel.engine.service import Service

S = ExecutionStatus
STOP_SECONDS = 15.0  #: How long a forced stop waits for what it cancelled to end.


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
                "last_seq": service.store.last_seq,
            }
        )

    @routes.post("/engine/stop")
    async def engine_stop(body: schemas.StopBody) -> Response:
        """Go away; with `force`, cancel first what is under way."""
        live = under_way(service)
        if live and not body.force:
            raise BadArgument(
                f"{len(live)} execution(s) are under way. Wait for them, cancel them, or "
                "stop with `--force`, which cancels them all."
            )
        for execution in live:
            with suppress(
                MoveNotAllowed
            ):  # It ended, or was cancelled with its parent.
                await ask(service.cancel, execution.execution_id, "engine stop")
        await _until_quiet(service, STOP_SECONDS)
        dispatcher.is_stopping = True
        for worker in dispatcher.workers.values():
            worker.news.set()
        asyncio.get_running_loop().call_later(0.3, stop)
        return answer({})

    return routes


def under_way(service: Service) -> list[Execution]:
    """What would be torn off if the engine went away for good now."""
    return [e for e in list(service.store.live.values()) if e.is_under_way]


async def _until_quiet(service: Service, seconds: float) -> None:
    deadline = monotonic() + seconds
    while under_way(service) and monotonic() < deadline:  # noqa: ASYNC110 (once, at the end)
        await asyncio.sleep(0.05)
