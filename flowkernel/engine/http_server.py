"""uvicorn, asleep while nobody asks."""

import asyncio

import uvicorn

LOOK_SECONDS = (
    5.0  #: Between looks whether it is to leave, should the word not have come.
)


class HttpServer(uvicorn.Server):
    """Waits to be told to leave; uvicorn itself looks ten times a second."""

    _should_exit = False
    _loop: asyncio.AbstractEventLoop | None = None
    _leaving: asyncio.Event | None = None

    @property
    def should_exit(self) -> bool:
        """Whether it was told to leave. Set from a signal handler, or from any thread."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        self._should_exit = value
        if value and self._loop is not None and self._leaving is not None:
            self._loop.call_soon_threadsafe(self._leaving.set)

    async def main_loop(self) -> None:
        """Come back when it is to leave."""
        self._leaving, self._loop = asyncio.Event(), asyncio.get_running_loop()
        await self.on_tick(0)
        while not self._should_exit:
            try:
                await asyncio.wait_for(self._leaving.wait(), LOOK_SECONDS)
            except TimeoutError:
                continue
