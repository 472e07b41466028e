"""Questions in SQL: each gets its turn, and ends within its time, whatever it asks for."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from flowkernel.config import Config
from flowkernel.core.clock import monotonic
from flowkernel.core.errors import SqlBusy
from flowkernel.core.models import Json
from flowkernel.engine.sql.current_reader import CurrentReader
from flowkernel.home import Home
from flowkernel.store import Store
from flowkernel.store.sql_reader.questions import SqlQuestion

MAX_QUESTIONS = 8  #: Questions that are worked on at a time.
TURN_SECONDS = 1.0  #: How long a question waits for its turn.


class SqlQuestions:
    """Takes questions in the event loop. Threads of its own wait for the answers.

    Args:
        store: What the questions are about; they see all that it has acknowledged.
        home: Where the reader has its copy.
        config: The limits of each question.
    """

    def __init__(self, store: Store, home: Home, config: Config) -> None:
        self._store = store
        self._config = config
        self._turns = asyncio.Semaphore(MAX_QUESTIONS)
        self._pool = ThreadPoolExecutor(MAX_QUESTIONS, "sql")
        self._reader = CurrentReader(
            store, home, lanes=MAX_QUESTIONS, megabytes=config.sql_megabytes
        )

    async def ask(self, sql: str, format: str) -> bytes:
        """The body of the response to a question, in JSON or as an Arrow stream.

        Raises:
            SqlRefused: It is wrong, or takes too much.
            SqlBusy: Too many questions are under way.
            EngineError: It cannot be answered.
        """
        arrival = monotonic()
        async with self._turn():
            question = self._question(sql, format)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._pool, self._reader.answer, question, arrival
            )

    def status(self) -> dict[str, Json]:
        """What becomes of the reader: `none`, `starting` or `ready`, and its process id."""
        return self._reader.status()

    def drop_copy(self) -> None:
        """Delete the copy of the database. Questions that are under way are asked again."""
        self._reader.drop_copy()

    def close(self) -> None:
        """End the reader, and with it all questions."""
        self._reader.close()
        self._pool.shutdown(wait=False)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            raise SqlBusy(
                f"{MAX_QUESTIONS} SQL queries are being worked on, and more wait. "
                "Ask again in some seconds."
            ) from error
        try:
            yield
        finally:
            self._turns.release()

    def _question(self, sql: str, format: str) -> SqlQuestion:
        config = self._config
        return SqlQuestion(
            sql=sql,
            format=format,
            frame=self._store.last_frame,
            seconds=config.sql_seconds,
            time_left=config.sql_seconds,
            rows=config.sql_rows,
            size=config.sql_bytes,
            megabytes=config.sql_megabytes,
        )
