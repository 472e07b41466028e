"""The client of the command line."""

import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any
from urllib.parse import quote

from flowkernel.cli.home_check import check_home, looked_at_text
from flowkernel.cli.termination import Termination
from flowkernel.client.client import ANSWER_SECONDS, Client
from flowkernel.client.engine_connection import BAD_REQUEST, Reply
from flowkernel.client.engine_launcher import ensure_engine, wait_for_first_engine
from flowkernel.client.start_announcement import STARTING
from flowkernel.client.starter_name import starter_name
from flowkernel.core.clock import short_id
from flowkernel.core.errors import (
    ExecutionNotFound,
    FlowkernelError,
    FlowNotFound,
    HomeMissing,
    MessageNotFound,
)
from flowkernel.core.models import Execution, Json
from flowkernel.display.wait_note import WaitNote
from flowkernel.home import EngineFile

#: From where a person asks and answers here.
COMMAND_LINE = "command line"
#: How long a response takes before a person is told that the command waits for it.
QUIET_SECONDS = 0.05
MAYBE_DONE = "Interrupted. The engine may carry out the request all the same."
ENGINE_STARTS = "The engine goes on starting, and ends by itself if nothing needs it."


class CommandClient(Client):
    """Says on the terminal of a person what it waits for."""

    #: Whether a request may make the home: one that only reads, or changes what is there, not.
    makes_home = False
    #: What Ctrl-C does while a run is being started; None: it interrupts.
    termination: Termination | None = None

    def __init__(self) -> None:
        super().__init__()
        self.note = WaitNote()
        self._has_warned = False

    def request(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """As that of `Client`."""
        if not self.makes_home:
            self._check_home()
        try:
            with waiting("Waiting for the engine", self.note):
                return super().request(method, path, body, seconds=seconds)
        except (ExecutionNotFound, FlowNotFound, MessageNotFound) as error:
            error.args = (f"{error} {looked_at_text(self.home)}",)
            raise
        except KeyboardInterrupt as interrupt:
            is_told = interrupt.args or self.termination is not None or method == "GET"
            raise interrupt if is_told else KeyboardInterrupt(MAYBE_DONE) from None

    def get_execution(self, execution_id: str) -> Execution:
        """As that of `Client`. Of the id of a message it says that it is one."""
        try:
            return super().get_execution(execution_id)
        except ExecutionNotFound as error:
            with suppress(FlowkernelError):
                message = self.get(f"/message/{quote(execution_id, safe='')}")
                error.args = (message_sentence(execution_id, message),)
            raise

    def _check_home(self) -> None:
        """Refuse a home in which nothing was recorded; one that is being made is waited for."""
        if not self.home.is_made:
            with waiting("Waiting for an engine that starts", self.note):
                wait_for_first_engine(self.home)
        check_home(self.home)

    def get_list(self, path: str, **query: Any) -> list[Any]:
        """As that of `Client`. Where there is no home, the error knows that it is of a list."""
        try:
            return super().get_list(path, **query)
        except HomeMissing as error:
            error.is_list = True
            raise

    def _exchange(
        self, method: str, path: str, body: bytes | None, seconds: float
    ) -> Reply:
        """As that of `Client`. Whether an engine may have the start of the run is noted."""
        self._known_engine()  # If one must be started for it, that has nothing yet.
        request = self.termination
        if request is None or method != "POST" or not path.startswith("/execution"):
            return super()._exchange(method, path, body, seconds)
        was_sent, request.is_sent = request.is_sent, True
        try:
            reply = super()._exchange(method, path, body, seconds)
        except ConnectionRefusedError:
            request.is_sent = was_sent
            raise
        request.is_sent = was_sent or reply.status < BAD_REQUEST
        return reply

    def ensure_engine(self) -> EngineFile:
        """As that of `Client`. Meanwhile Ctrl-C and SIGTERM interrupt at once.

        That the engine starts is said by the note, which a terminal alone shows.
        """
        self._warn_of_variables()
        try:
            with self._released(), self.note.shown(STARTING):
                return ensure_engine(self.home, self._token, is_announced=False)
        except KeyboardInterrupt as interrupt:
            sentence = str(interrupt) or "Interrupted."
            raise KeyboardInterrupt(f"{sentence} {ENGINE_STARTS}") from None

    def _warn_of_variables(self) -> None:
        """Say it once, if a variable that the engine would get looks like a setting."""
        from flowkernel.config import misspelled_variables

        pairs = [] if self._has_warned else misspelled_variables()
        self._has_warned = True
        for name, setting in pairs:
            self.note.say(f"{name} is no setting. Did you mean {setting}?")

    def _released(self) -> AbstractContextManager[None]:
        return self.termination.released() if self.termination else nullcontext()


def message_sentence(text: str, message: dict[str, Json]) -> str:
    """That an id is that of a message, and what shows it, and the run that sent it."""
    short, run = (short_id(message[key]) for key in ("message_id", "execution_id"))
    return (
        f"{text!r} is the id of a message, not of a run: `flowkernel message show {short}` "
        f"shows it. It is from the run {run}."
    )


def make_client(
    *, starts_engine: bool = True, makes_home: bool = False
) -> CommandClient:
    """A client of the home of this folder."""
    client = CommandClient()
    client.makes_home = makes_home
    client.started_by = starter_name(COMMAND_LINE, client.home)
    client.starts_engine = starts_engine
    if is_interactive():
        client.channel = COMMAND_LINE
    return client


def waiting(text: str, note: WaitNote | None = None) -> AbstractContextManager[None]:
    """Say on the terminal of a person what the block does, if that takes a moment.

    `note`: that of the command, if it has one already. Two would draw over each other.
    """
    return (note or WaitNote()).shown(text, delay=QUIET_SECONDS)


def is_interactive() -> bool:
    """Whether a person types here: a terminal at both ends, no pipe and no cron."""
    streams = (sys.stdin, sys.stdout)  # None: closed, as some starters do.
    return all(stream is not None and stream.isatty() for stream in streams)
