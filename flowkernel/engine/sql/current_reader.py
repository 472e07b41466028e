"""The SQL reader of an engine: there when it is needed, and another when it has ended."""

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineFault, FlowkernelError, SqlBusy, SqlRefused
from flowkernel.core.models import Json
from flowkernel.engine.sql.reader_process import ReaderEnded, ReaderProcess
from flowkernel.home import Home
from flowkernel.store import Store, took_too_long
from flowkernel.store.sql_reader.questions import SqlAnswer, SqlQuestion, too_much

#: From the end of a question's time, when DuckDB is interrupted, until the reader is killed.
GRACE_SECONDS = 0.8
#: How long a question may wait until it can begin, before that counts as its time.
FREE_SECONDS = 1.0
#: How a process ends whose threads get no memory for what is their own.
NO_MEMORY = 127
#: Without a question for so long, the reader ends, and its copy is deleted.
IDLE_SECONDS = 300.0
#: How often the database is copied while the engine may write to it. If it does each time,
#: it has to wait for one more copy.
UNLOCKED_COPIES = 2


class CurrentReader:
    """Starts readers one after the other, and asks the one that there is. Thread-safe.

    A reader that is killed leaves its copy of the database to the next one.

    Args:
        options: `lanes`, how many questions are asked at a time; `megabytes`, the memory that
            they may need together; `idle_seconds`, after which the reader ends.
    """

    def __init__(self, store: Store, home: Home, **options: float) -> None:
        self._store = store
        self._home = home
        self._options = {"idle_seconds": IDLE_SECONDS, **options}
        self._lock = threading.Lock()
        self._starter = ThreadPoolExecutor(1, "sql-start")
        #: The reader that is there, or that is being started.
        self._ready: Future[ReaderProcess] | None = None
        self._process: ReaderProcess | None = None
        self._has_copy = False
        self._is_closed = False
        self._remove_copy()  # An engine that was killed leaves one.

    def answer(self, question: SqlQuestion, arrival: float) -> bytes:
        """The body of the response to a question.

        Args:
            arrival: When it came, as `monotonic` has it. What it waited until it could
                begin does not count as its time, up to `FREE_SECONDS`.

        Raises:
            SqlRefused: The question is wrong, or takes too much.
            SqlBusy: The reader is not there in time.
            EngineError: There is no reader.
        """
        end = arrival + question.seconds
        self._reader(end + FREE_SECONDS - monotonic())
        end += min(monotonic() - arrival, FREE_SECONDS)
        return self._answer(question, lambda: end - monotonic())

    def _answer(self, question: SqlQuestion, time_left: Callable[[], float]) -> bytes:
        previous: SqlAnswer | None = None
        while True:
            try:
                process = self._reader(time_left())
            except SqlBusy:
                if previous is None:
                    raise
                return _content(previous)
            reply = self._ask(process, question, time_left)
            if reply is None:
                continue
            if reply.is_worn:
                self._retire(process, reply)
            # Other questions may have taken the memory: then it is asked once more.
            is_at_fault = process.question_count == 1 and not reply.is_fault
            if not reply.is_worn or is_at_fault or previous:
                return _content(reply)
            previous = reply

    def status(self) -> dict[str, Json]:
        """Whether there is a reader, and its process id."""
        with self._lock:
            ready = self._ready
        if ready is None or _is_over(ready):
            return {"state": "none", "pid": None}
        if not ready.done():
            return {"state": "starting", "pid": None}
        return {"state": "ready", "pid": ready.result().pid}

    def drop_copy(self) -> None:
        """Delete the copy: it may have what was deleted since. The next question makes one."""
        with suppress(RuntimeError):  # It is closed, and the copy is deleted already.
            self._starter.submit(self._drop_copy).result()

    def _drop_copy(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.end()
        self._has_copy = False
        self._remove_copy()

    def close(self) -> None:
        """End the reader, and delete its copy."""
        with self._lock:
            self._is_closed = True
            process = self._process
        if process is not None:
            process.kill()
            process.end()
        self._starter.shutdown(wait=True)
        self._remove_copy()

    def _ask(
        self,
        process: ReaderProcess,
        question: SqlQuestion,
        time_left: Callable[[], float],
    ) -> SqlAnswer | None:
        """The answer of this reader; None if another reader has to be asked."""
        seconds = time_left()
        if seconds <= 0:
            raise took_too_long(question.seconds)
        try:
            return process.ask(
                replace(question, time_left=seconds),
                lambda: time_left() + GRACE_SECONDS,
            )
        except TimeoutError as error:
            process.kill()
            raise took_too_long(question.seconds) from error
        except ReaderEnded as error:
            if process.was_killed or process.exit_code == 0:
                return None
            raise SqlRefused(
                _ended_text(process.exit_code, question.megabytes)
            ) from error

    def _reader(self, seconds: float) -> ReaderProcess:
        """The reader, which is there within so many seconds."""
        ready = self._get_ready()
        try:
            return ready.result(max(0.0, seconds))
        except TimeoutError as error:
            raise SqlBusy(
                "The copy of the database from which SQL is answered is not complete yet "
                f"({self._store.size_bytes:,} bytes). Ask again in some seconds."
            ) from error

    def _get_ready(self) -> "Future[ReaderProcess]":
        with self._lock:
            self._check_open()
            if self._ready is None or _is_over(self._ready):
                self._ready = self._starter.submit(self._start)
            return self._ready

    def _start(self) -> ReaderProcess:
        """Start a reader, with the copy of the one before if that can be used."""
        if self._process is not None and self._process.end() == 0:
            self._has_copy = False
        try:
            return self._start_process()
        except FlowkernelError:
            if self._has_copy:
                self._has_copy = False
            elif not self._was_killed():
                raise
        return self._start_process()

    def _was_killed(self) -> bool:
        """Whether the reader that was started last was ended by a signal."""
        code = self._process.end() if self._process is not None else None
        return code is not None and code < 0

    def _start_process(self) -> ReaderProcess:
        if not self._has_copy:
            self._remove_copy()
        self._home.sql_reader.mkdir(mode=0o700, exist_ok=True)
        process = self._new_process()
        process.expect("started")
        if not self._has_copy:
            self._copy_database(process)
            self._has_copy = True
        process.open()
        return process

    def _new_process(self) -> ReaderProcess:
        with self._lock:
            self._check_open()
            self._process = ReaderProcess(self._home, self._options)
            return self._process

    def _check_open(self) -> None:
        if self._is_closed:
            raise EngineFault("The engine is stopping. Ask again.")

    def _copy_database(self, process: ReaderProcess) -> None:
        """Have the reader copy the file, at a time when nothing is written to it."""
        for _ in range(UNLOCKED_COPIES):
            state = self._store.file_state()
            process.copy()
            if self._store.file_state() == state:
                return
        with self._store.at_rest():
            process.copy()

    def _retire(self, process: ReaderProcess, reply: SqlAnswer) -> None:
        """End a reader that cannot go on. What it was asked meanwhile is asked again."""
        process.kill()
        with self._lock:
            if process is self._process and reply.is_copy_lost:
                self._has_copy = False

    def _remove_copy(self) -> None:
        shutil.rmtree(self._home.sql_reader, ignore_errors=True)


def _is_over(ready: "Future[ReaderProcess]") -> bool:
    """Whether another reader has to be started."""
    if not ready.done():
        return False
    return ready.exception() is not None or ready.result().has_ended


def _content(reply: SqlAnswer) -> bytes:
    if reply.error is None:
        return reply.content
    raise (EngineFault if reply.is_fault else SqlRefused)(reply.error)


def _ended_text(exit_code: int | None, megabytes: int) -> str:
    if exit_code == NO_MEMORY:
        return too_much(megabytes)
    reason = (
        f"signal {-exit_code}"
        if exit_code and exit_code < 0
        else f"exit code {exit_code}"
    )
    return (
        f"The process that answers SQL ended while it worked on this query ({reason}), as it "
        "does when the machine has no memory left. Ask for less at a time, or ask again: the "
        "next query starts another one."
    )
