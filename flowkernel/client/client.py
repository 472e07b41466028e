"""The engine's verbs over REST: all that a kernel, a magic or the command line needs.

It stands on the standard library alone: a flow's kernel runs in the environment of its
author, where nothing of ours needs to be installed.
"""

import getpass
import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flowkernel.client import engine_launcher
from flowkernel.core.clock import monotonic, new_id
from flowkernel.core.errors import (
    BadArgument,
    EngineUnreachable,
    Unauthorized,
    from_code,
)
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.models import CellRun, Event, Execution, Flow, Json
from flowkernel.home import EngineFile, Home, find_home

API = "/api/latest"
PERSON = "X-Flowkernel-Person"  #: Who asks by hand, and from where.
BAD_REQUEST, UNAUTHORIZED = 400, 401  # HTTP statuses.
ANSWER_SECONDS = 60.0  #: How long one answer may take; waits are asked again and again.
RETRY_SECONDS = 30.0  #: How long a request is tried again while the engine comes back.
RETRY_EVERY = 0.1  #: Seconds between two tries.
SILENT_SECONDS = 15.0  #: A stream that says nothing for longer is opened anew.


class Client:
    """Speaks to the engine of one home, and starts it if need be. Safe in threads.

    Every request that changes something carries an id made here, so asking again after a
    lost answer does nothing twice.
    """

    def __init__(
        self, home: Home | None = None, *, started_by: str | None = None
    ) -> None:
        self.home = home or find_home()
        self.started_by = started_by or f"{_user()} (Python)"
        self.starts_engine = True  #: False: when there is none, say so instead.
        self.channel: str | None = (
            None  #: From where a person asks; None: no person does.
        )
        self._engine: EngineFile | None = None
        self._local = threading.local()

    # -- flows ---------------------------------------------------------------------------

    def register(self, flow: Flow) -> Flow:
        """Give a source a name, or a new source to a name."""
        return Flow.from_json(self.post("/flow", flow.to_json()))

    def get_flow(self, name: str) -> Flow:
        """The flow of this name. Raises FlowNotFound, with the nearest name."""
        return Flow.from_json(self.get(f"/flow/{quote(name, safe='')}"))

    def list_flows(self) -> list[Flow]:
        """All flows, by name."""
        return [Flow.from_json(record) for record in self.get("/flow")]

    def wrap(self, name: str, wrappers: list[Json]) -> Flow:
        """Have every execution of a flow go through these: `name` and `inputs` of each,
        outermost first. None: it is wrapped no more.
        """
        path = f"/flow/{quote(name, safe='')}"
        return Flow.from_json(self.request("PATCH", path, {"wrappers": wrappers}))

    def delete_flow(self, name: str) -> None:
        """Forget the name. Versions that ran are kept."""
        self.request("DELETE", f"/flow/{quote(name, safe='')}")

    # -- executions ----------------------------------------------------------------------

    def start(self, request: dict[str, Json]) -> Execution:
        """Start an execution. `request` is what `POST execution` takes."""
        told = {"execution_id": new_id(), "started_by": self.started_by, **request}
        return Execution.from_json(self.post("/execution", told))

    def get_execution(self, execution_id: str) -> Execution:
        """Also by the beginning or the end of its id."""
        return Execution.from_json(
            self.get(f"/execution/{quote(execution_id, safe='')}")
        )

    def list_executions(self, **filters: Any) -> list[Execution]:
        """The newest first: by `status`, `flow_name`, `parent_id`, `limit`, `cursor`, ..."""
        given = {k: v for k, v in filters.items() if v is not None}
        return [
            Execution.from_json(record) for record in self.get("/execution", **given)
        ]

    def tree(self, execution_id: str) -> dict[str, Json]:
        """`executions` and `progress` of the family, and the `cursor` to go on from."""
        told: dict[str, Json] = self.get(f"/execution/{execution_id}/tree")
        return told

    def cell_runs(self, execution_id: str) -> list[CellRun]:
        """In the order in which they started."""
        records = self.get(f"/execution/{execution_id}/cell_run")
        return [CellRun.from_json(record) for record in records]

    def log(self, execution_id: str, *, after_seq: int = 0) -> list[Event]:
        """What it logged and printed, in order."""
        records = self.get(f"/execution/{execution_id}/log", after_seq=after_seq)
        return [Event.from_json(record) for record in records]

    def act(self, execution_id: str, verb: str, **body: Json) -> Execution:
        """`cancel`, `pause`, `resume`, `run` or `retry` it; the execution that results."""
        body.setdefault("execution_id", new_id())
        body.setdefault("started_by", self.started_by)
        return Execution.from_json(self.post(f"/execution/{execution_id}/{verb}", body))

    def answer(
        self, message_id: str, response: dict[str, Json], *, answered_from: str
    ) -> dict[str, Json]:
        """Answer a message, once and for all.

        Raises:
            BadAnswer: It does not fit the form; the message stays open.
            NotOpen: Somebody was first; says who, and what.
        """
        told: dict[str, Json] = self.post(
            f"/message/{quote(message_id, safe='')}/answer",
            {
                "answer_id": new_id(),
                "response": plain_json(response, "the answer"),
                "answered_by": self.started_by.partition(" (")[0],
                "answered_from": answered_from,
            },
        )
        return told

    # -- everything else -----------------------------------------------------------------

    def sql(self, question: str) -> dict[str, Json]:
        """`columns`, `types`, `rows` and `is_cut`."""
        told: dict[str, Json] = self.post("/sql", {"sql": question, "format": "json"})
        return told

    def events(
        self,
        cursor: int,
        *,
        root_id: str | None = None,
        execution_id: str | None = None,
    ) -> Iterator[Event | None]:
        """What happens from `cursor` on, for ever; None when there is nothing for a while.

        Reconnects, to the next engine if need be, and misses nothing.
        """
        while True:
            with suppress(OSError, http.client.HTTPException):
                for event in self._stream(cursor, root_id, execution_id):
                    cursor = max(cursor, event.seq) if event else cursor
                    yield event
            yield None
            self.get("/engine")  # Comes back when there is an engine again.

    def get(self, path: str, **query: Any) -> Any:
        """GET `path` with `query`."""
        return self.request("GET", path + ("?" + urlencode(query) if query else ""))

    def post(
        self, path: str, body: Json = None, *, seconds: float = ANSWER_SECONDS
    ) -> Any:
        """POST `body` to `path`; the answer may take `seconds`."""
        return self.request("POST", path, body, seconds=seconds)

    def request(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """One request, tried again while the engine is away.

        Raises:
            FlowkernelError: What the engine answered, as the class it names.
            EngineUnreachable: No engine for 30 s, and none could be started.
        """
        text = None if body is None else dumps(body).encode()
        deadline: float | None = None  # Counts from the first failure.
        is_first = True
        while True:
            try:
                return self._once(method, path, text, seconds)
            except (OSError, http.client.HTTPException) as error:
                self._engine = None  # Read anew where it is.
                if (
                    is_first
                ):  # A kept connection may have been closed while it lay idle.
                    is_first = False
                    continue
                deadline = deadline or monotonic() + RETRY_SECONDS
                if monotonic() > deadline or not self.starts_engine:
                    raise EngineUnreachable(
                        f"The engine of {str(self.home.path)!r} does not answer "
                        f"({type(error).__name__}: {error}). `flowkernel doctor` looks why."
                    ) from error
                self._engine = engine_launcher.ensure_engine(self.home)
                time.sleep(RETRY_EVERY)

    # -- the wire ------------------------------------------------------------------------

    def _once(self, method: str, path: str, body: bytes | None, seconds: float) -> Any:
        answer = self._exchange(method, path, body, seconds)
        if answer[0] == UNAUTHORIZED:  # The file is of another engine, or was changed.
            self._engine = engine_launcher.ensure_engine(self.home)
            answer = self._exchange(method, path, body, seconds)
        status, kind, content = answer
        if status == UNAUTHORIZED:
            raise Unauthorized
        if "json" not in kind:
            return content
        told = json.loads(content)
        if status >= BAD_REQUEST:
            raise from_code(told["code"], told["message"])
        return told

    def _exchange(
        self, method: str, path: str, body: bytes | None, seconds: float
    ) -> tuple[int, str, bytes]:
        engine = self._known_engine()
        connection = self._connection(engine, seconds)
        try:
            headers = {**_headers(engine, body), **self._person()}
            connection.request(method, API + path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (
            BaseException
        ):  # An interrupt too: half an answer must not be read later.
            self._drop()
            raise
        return response.status, response.headers.get("content-type", ""), content

    def _person(self) -> dict[str, str]:
        if self.channel is None:
            return {}
        person = self.started_by.partition(" (")[0]
        return {PERSON: f"{quote(person)};{quote(self.channel)}"}

    def _known_engine(self) -> EngineFile:
        if self._engine is None:
            with suppress(BadArgument):
                self._engine = EngineFile.read(self.home)
        if self._engine is None:
            if not self.starts_engine:
                raise ConnectionRefusedError("no engine")
            self._engine = engine_launcher.ensure_engine(self.home)
        return self._engine

    def _connection(
        self, engine: EngineFile, seconds: float
    ) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(
            self._local, "connection", None
        )
        here = (engine.url, os.getpid())  # A forked process must not share the line.
        if kept is None or self._local.here != here:
            self._drop()
            kept = _open(engine.url, seconds)
            self._local.connection, self._local.here = kept, here
        if kept.sock is not None:
            kept.sock.settimeout(seconds)
        kept.timeout = seconds
        return kept

    def _drop(self) -> None:
        kept = getattr(self._local, "connection", None)
        if kept is not None:
            kept.close()
        self._local.connection = None

    def close(self) -> None:
        """Close this thread's connection."""
        self._drop()

    def _stream(
        self, cursor: int, root_id: str | None, execution_id: str | None
    ) -> Iterator[Event | None]:
        engine = self._known_engine()
        query = {"cursor": cursor, "root_id": root_id, "execution_id": execution_id}
        given = urlencode({k: v for k, v in query.items() if v is not None})
        connection = _open(engine.url, SILENT_SECONDS)
        try:
            connection.request(
                "GET", f"{API}/event?{given}", headers=_headers(engine, None)
            )
            response = connection.getresponse()
            if response.status != 200:
                raise http.client.HTTPException(f"status {response.status}")
            for line in response:
                if line.startswith(b"data:"):
                    yield Event.from_json(json.loads(line[5:]))
                elif line.startswith(b":"):
                    yield None
        finally:
            connection.close()


class _Connection(http.client.HTTPConnection):
    """Closed when nobody has it any more: a thread may end without a word."""

    def __del__(self) -> None:
        self.close()


def _open(url: str, seconds: float) -> http.client.HTTPConnection:
    address = urlsplit(url)
    return _Connection(address.hostname or "", address.port, timeout=seconds)


def _headers(engine: EngineFile, body: bytes | None) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {engine.token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # An id without a name, as in some containers.
        return "somebody"
