"""How many bytes of bodies are in memory at a time, over all requests."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flowkernel.core.errors import EngineBusy

#: Bytes of large bodies that are in memory at a time; each needs about twice as much while
#: it is read. One body of the largest size fits, with room for others.
MAX_BYTES = 192 * 1024 * 1024
#: Bytes of a body, inclusive, that needs no room: the server buffers as much anyway.
SMALL = 64 * 1024
WAIT_SECONDS = 20.0  #: How long a body waits for room; a client waits for 60.
RETRY_SECONDS = 2  #: When a request that got no room should come again.


class BodyBudget:
    """Room for bodies, given in the order of the requests. Lives in the event loop.

    A body that waits is not read from its socket, so that it costs no memory.
    """

    def __init__(
        self, *, max_bytes: int = MAX_BYTES, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        #: The room for all bodies together.
        self.max_bytes = self._free = max_bytes
        self._wait_seconds = wait_seconds
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def room(self, size: int) -> AsyncIterator[None]:
        """Keep room for `size` bytes as long as the context is open.

        Raises:
            EngineBusy: There is no room for it, not even after a while.
        """
        size = 0 if size <= SMALL else min(size, self.max_bytes)
        if size:
            await self._take(size)
        try:
            yield
        finally:
            self._free += size
            self._serve()

    async def _take(self, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        self._serve()
        try:
            await asyncio.wait([turn], timeout=self._wait_seconds)
        except asyncio.CancelledError:
            self._give_up(size, turn)
            raise
        if not turn.done():
            self._give_up(size, turn)
            raise EngineBusy(
                f"The engine reads as many large requests as fit into its memory: one of "
                f"{size:,} bytes waited {self._wait_seconds:g} s for room. Send it again."
            )

    def _give_up(self, size: int, turn: asyncio.Future[None]) -> None:
        if not turn.cancel():  # It got its room just now.
            self._free += size
        self._serve()

    def _serve(self) -> None:
        """Give room to those that wait, as long as there is enough for the first."""
        while self._queue:
            size, turn = self._queue[0]
            if not turn.cancelled():
                if size > self._free:
                    return
                self._free -= size
                turn.set_result(None)
            self._queue.popleft()
