"""The SQL reader as the engine sees it: a process to start, to ask and to kill."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import EngineFault, FlowkernelError, from_code
from flowkernel.home import Home
from flowkernel.store.sql_reader.questions import (
    SqlAnswer,
    SqlQuestion,
    receive_answer,
    receive_message,
    send_message,
    send_question,
)

#: How long the reader may take for one step of its start: to be there, to copy, to open.
STEP_SECONDS = 60.0
LANE_SECONDS = 0.1  #: Between looks whether the process has ended.
END_SECONDS = 5.0  #: How long the system may take to end a killed process.
#: What the reader gets of the engine's environment: no token, no setting, no secret.
ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
#: glibc's allocator keeps the memory of each thread apart. Two parts are enough.
SETTINGS = {"MALLOC_ARENA_MAX": "2"}


class ReaderEnded(Exception):
    """The reader ended before it answered."""


class ReaderProcess:
    """A reader that was started. Its lanes take one question each.

    Args:
        home: The home whose database it copies.
        options: Its options; `lanes`: how many questions it can be asked at a time.
    """

    def __init__(self, home: Home, options: Mapping[str, float]) -> None:
        self.question_count = 0  #: Questions that it was asked so far.
        self.was_killed = False  #: The engine ended it.
        self._lanes: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._control, control = socket.socketpair()
        pairs = [socket.socketpair() for _ in range(int(options["lanes"]))]
        lifeline, self._lifeline = os.pipe()
        sockets = [control, *(theirs for _, theirs in pairs)]
        self._popen = _start(home, options, sockets, lifeline)
        os.close(lifeline)
        for item in sockets:
            item.close()
        for ours, _ in pairs:
            self._lanes.put(ours)
        threading.Thread(target=self._reap, name="sql-reader", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None: it runs. 0: nobody asked for long, and its copy is gone."""
        return self._popen.returncode if self._ended.is_set() else None

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, or is about to."""
        return self.was_killed or self._ended.is_set()

    def copy(self) -> None:
        """Have it copy the database; see `expect`."""
        self.expect("copied", request="copy")

    def open(self) -> None:
        """Have it open its copy; then it can be asked. See `expect`."""
        self.expect("ready", request="open")

    def expect(self, step: str, *, request: str | None = None) -> None:
        """Request a step of the start, if it needs a request; wait until it is done.

        Raises:
            FlowkernelError: It is not; says why.
        """
        try:
            if request is not None:
                send_message(self._control, {"step": request})
            reply = self._next_step()
        except (OSError, EOFError) as error:
            raise self._not_started(isinstance(error, TimeoutError)) from error
        if reply.get("step") != step:
            self.kill()
            raise _error(reply)

    def _next_step(self) -> dict[str, Any]:
        deadline = monotonic() + STEP_SECONDS
        return receive_message(self._control, lambda: deadline - monotonic())[0]

    def _not_started(self, is_late: bool) -> EngineFault:
        reason = "no reply" if is_late else f"exit code {self.end()}"
        self.kill()
        return EngineFault(
            f"The process that answers SQL could not be started ({reason}); "
            "`log/sql_reader.log` in the home has the details."
        )

    def ask(self, question: SqlQuestion, time_left: Callable[[], float]) -> SqlAnswer:
        """The answer to a question.

        Raises:
            TimeoutError: There is none after `time_left()` seconds.
            ReaderEnded: There is none, and there will be none.
        """
        self.question_count += 1
        lane = self._free_lane(time_left)
        try:
            reply = _exchange(lane, question, time_left)
        except (OSError, EOFError) as error:
            lane.close()
            if isinstance(error, TimeoutError):
                raise
            self.end()
            raise ReaderEnded from error
        self._lanes.put(lane)
        return reply

    def _free_lane(self, time_left: Callable[[], float]) -> socket.socket:
        """A lane that no question uses; it may end while one is waited for."""
        while not self._ended.is_set():
            with suppress(queue.Empty):
                return self._lanes.get(timeout=LANE_SECONDS)
            if time_left() <= 0:
                raise TimeoutError
        raise ReaderEnded

    def kill(self) -> None:
        """End it, whatever it does. Returns at once: `end` waits until it is gone."""
        self.was_killed = True
        self._popen.kill()

    def end(self) -> int | None:
        """Wait until it has ended, as it is about to; its exit code."""
        self._ended.wait(END_SECONDS)
        return self.exit_code

    def _reap(self) -> None:
        self._popen.wait()
        os.close(self._lifeline)
        self._control.close()
        self._ended.set()
        while not self._lanes.empty():
            self._lanes.get().close()


def _exchange(
    lane: socket.socket, question: SqlQuestion, time_left: Callable[[], float]
) -> SqlAnswer:
    lane.settimeout(max(0.001, time_left()))
    send_question(lane, question)
    return receive_answer(lane, time_left)


def _start(
    home: Home,
    options: Mapping[str, float],
    sockets: Sequence[socket.socket],
    lifeline: int,
) -> "subprocess.Popen[bytes]":
    control, *lanes = [item.fileno() for item in sockets]
    words = {**_paths(home), **options, "control": control, "lifeline": lifeline}
    program = [sys.executable, "-P", "-m", "flowkernel.store.sql_reader"]
    with open(home.log / "sql_reader.log", "ab") as log:
        return subprocess.Popen(
            [*program, str(home.path), json.dumps({**words, "lanes": lanes})],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.sql_reader,
            env=_environment(),
            pass_fds=(control, lifeline, *lanes),
            start_new_session=True,
        )


def _paths(home: Home) -> dict[str, str]:
    paths = {
        "database": home.database,
        "journal": home.journal,
        "folder": home.sql_reader,
    }
    return {name: str(path) for name, path in paths.items()}


def _environment() -> dict[str, str]:
    names = set(ENVIRONMENT) & os.environ.keys()
    return {**{name: os.environ[name] for name in names}, **SETTINGS}


def _error(reply: dict[str, Any]) -> FlowkernelError:
    return from_code(reply.get("code", "EngineFault"), reply.get("error", str(reply)))
