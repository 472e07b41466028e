"""`python -m flowkernel.store.sql_reader HOME OPTIONS`: the SQL reader of one engine.

The engine starts it, gives it its end of some sockets, and kills it when it must. It has no
token, it listens nowhere, and its SQL can open no file: all that a question can spoil is this
process and its copy.
"""

import json
import os
import select
import shutil
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from flowkernel.core.clock import monotonic
from flowkernel.core.errors import FlowkernelError
from flowkernel.store.sql_reader.answers import answer
from flowkernel.store.sql_reader.following_copy import FollowingCopy, copy_file
from flowkernel.store.sql_reader.process_limits import (
    end_with_engine,
    limit_memory,
    step_back,
)
from flowkernel.store.sql_reader.questions import (
    receive_message,
    receive_question,
    send_answer,
    send_message,
)

COPY = "flowkernel.duckdb"  #: The name of the copy: in SQL it is that of the database.
LOOK_SECONDS = 5.0  #: Between looks at the journal, and at the time.
#: DuckDB's part of the memory. The rest is for what it does not count, and for Python.
DUCKDB_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """What the engine says on the command line; paths as text, files by their numbers."""

    database: str
    journal: str
    folder: str
    megabytes: int
    idle_seconds: float
    control: int
    lifeline: int
    lanes: list[int]


class QuestionCount:
    """When the last question was asked, and how many are under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._last = monotonic()

    def change(self, step: int) -> None:
        """Count a question that begins (1) or ends (-1)."""
        with self._lock:
            self._count += step
            self._last = monotonic()

    def idle_seconds(self) -> float:
        """How long there was no question."""
        with self._lock:
            return 0.0 if self._count else monotonic() - self._last


def main(options: Options) -> int:
    """SqlAnswer questions until the engine ends, or until nobody asked for long.

    Returns:
        1: It could not start; the engine knows why.
    """
    end_with_engine(options.lifeline)
    step_back()
    control = socket.socket(fileno=options.control)
    try:
        copy = _start(options, control)
    except FlowkernelError as error:
        send_message(control, {"error": str(error), "code": type(error).__name__})
        return 1
    limit_memory(options.megabytes)
    count = QuestionCount()
    for lane in options.lanes:
        _open_lane(copy, socket.socket(fileno=lane), count)
    send_message(control, {"step": "ready"})
    _wait(options, control, copy, count)
    shutil.rmtree(options.folder, ignore_errors=True)
    # A question may have begun at this very moment: the next reader has it.
    os._exit(0)


def _start(options: Options, control: socket.socket) -> FollowingCopy:
    """Make a copy as often as the engine asks for it, and open it."""
    folder = Path(options.folder)
    send_message(control, {"step": "started"})
    while receive_message(control)[0]["step"] == "copy":
        copy_file(Path(options.database), folder / COPY)
        send_message(control, {"step": "copied"})
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    os.chdir(empty)
    megabytes = int(options.megabytes * DUCKDB_SHARE)
    return FollowingCopy(
        folder / COPY, journal=Path(options.journal), megabytes=megabytes
    )


def _open_lane(copy: FollowingCopy, lane: socket.socket, count: QuestionCount) -> None:
    thread = threading.Thread(target=_serve, args=(copy, lane, count), daemon=True)
    thread.start()


def _serve(copy: FollowingCopy, lane: socket.socket, count: QuestionCount) -> None:
    """SqlAnswer the questions of one lane, one after the other."""
    try:
        while True:
            _serve_one(copy, lane, count)
    except BaseException:  # Without memory nothing is sure any more.
        os._exit(1)


def _serve_one(copy: FollowingCopy, lane: socket.socket, count: QuestionCount) -> None:
    question = receive_question(lane)
    count.change(1)
    send_answer(lane, answer(copy, question))
    count.change(-1)


def _wait(
    options: Options, control: socket.socket, copy: FollowingCopy, count: QuestionCount
) -> None:
    """Return when nobody asked for long, or when the engine says so."""
    pause = min(LOOK_SECONDS, options.idle_seconds)
    poll = select.poll()  # Not select(): the engine may have more than 1,024 files.
    poll.register(control, select.POLLIN)
    while count.idle_seconds() < options.idle_seconds:
        if poll.poll(pause * 1000):
            return
        copy.keep_up()


if __name__ == "__main__":
    sys.exit(main(Options(**json.loads(sys.argv[2]))))
