"""The output of a cell that comes after the kernel's reply."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any


class LastOutput:
    """Waits until a cell has all its output, as long as some comes.

    nbclient waits for it when the reply has come, and counts the whole time.
    """

    def __init__(
        self,
        collecting: "asyncio.Future[None]",
        silence: Callable[[], float],
        limit: float,
    ) -> None:
        """Wait for the end of `collecting`.

        Args:
            silence: Seconds since the last output.
            limit: How many there may be.
        """
        self._collecting = collecting
        self._silence = silence
        self._limit = limit

    def __await__(self) -> Generator[Any, None, None]:
        """Raise TimeoutError after the silence."""
        return self._wait().__await__()

    async def _wait(self) -> None:
        try:
            while (seconds := self._limit - self._silence()) > 0:
                await asyncio.wait([self._collecting], timeout=seconds)
                if self._collecting.done():
                    return await self._collecting
        finally:
            self._collecting.cancel()
        raise TimeoutError
