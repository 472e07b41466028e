"""The engine's verbs over REST, for kernels, magics and the command line.

It needs the standard library alone: a flow's kernel runs in the environment of its author,
where no package of ours is installed.
"""

import http.client
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from flowkernel.client import engine_launcher
from flowkernel.client.copy_notice import copy_notice
from flowkernel.client.engine_connection import (
    Reply,
    headers_of,
    open_connection,
    path_with_query,
    read_events,
)
from flowkernel.client.own_token import own_token
from flowkernel.client.sent_variables import start_variables
from flowkernel.client.starter_name import starter_name
from flowkernel.core.clock import monotonic, new_id
from flowkernel.core.errors import (
    BadArgument,
    EngineUnreachable,
    Unauthorized,
)
from flowkernel.core.json_values import dumps, plain_json
from flowkernel.core.models import CellRun, Event, Execution, Flow, Json
from flowkernel.home import EngineFile, Home, find_home

API = "/api/latest"
PERSON = "X-Flowkernel-Person"  #: The header with the person and the channel they use.
UNAUTHORIZED = 401  #: An HTTP status.
LISTED = 50  #: Executions of a list, if nothing is said.
ANSWER_SECONDS = 60.0  #: How long one response may take; a wait is many requests.
SQL_SECONDS = 86400.0  #: The same for a query.
#: Not sent again because the response is late: the engine would do it twice.
UNREPEATABLE = frozenset({"/sql"})
RETRY_SECONDS = 30.0  #: How long a request is repeated until an engine responds.
RETRY_EVERY = 0.1  #: Seconds between two tries.


class Client:
    """Sends requests to the engine of one home, and starts it if needed. Thread-safe.

    Every request that changes something carries an id made here: repeating it after a lost
    response changes nothing twice.
    """

    def __init__(
        self,
        home: Home | None = None,
        *,
        started_by: str | None = None,
        token: str | None = None,
    ) -> None:
        """A client of the engine of a home.

        Args:
            home: Default: the home of the current folder.
            started_by: Who is recorded, if a person's token is used.
            token: Of a worker. Default: in a flow's kernel, the token of its execution; else
                that of the person, from `engine.json`.
        """
        self.home = home or find_home()
        self._token = token or own_token(self.home)
        self.started_by = started_by or starter_name("Python", self.home)
        self.starts_engine = True  #: False: raise EngineUnreachable if none runs.
        #: Where a person makes the requests (`notebook`); None: a program makes them.
        self.channel: str | None = None
        self._engine: EngineFile | None = None
        self._local = threading.local()

    def use_token(self, token: str) -> None:
        """Send requests with this token, of a worker, from now on."""
        self._token, self._engine = token, None

    # -- flows ---------------------------------------------------------------------------

    def register(self, flow: Flow) -> Flow:
        """Give a source a name, or a new source to a name."""
        return Flow.from_json(self.post("/flow", flow.to_json()))

    def get_flow(self, name: str) -> Flow:
        """The flow of this name. Raises FlowNotFound, with the nearest name."""
        return Flow.from_json(self.get(f"/flow/{quote(name, safe='')}"))

    def list_flows(self) -> list[Flow]:
        """All flows, by name, without their sources: `source` is None."""
        return [Flow.from_json(record) for record in self.get_list("/flow")]

    def wrap(self, name: str, wrappers: list[Json]) -> Flow:
        """Have every execution of a flow go through these wrappers.

        Args:
            wrappers: `name` and `inputs` of each, outermost first; an empty list: none.
        """
        path = f"/flow/{quote(name, safe='')}"
        return Flow.from_json(self.request("PATCH", path, {"wrappers": wrappers}))

    def delete_flow(self, name: str) -> None:
        """Delete the name. Versions that ran are kept."""
        self.request("DELETE", f"/flow/{quote(name, safe='')}")

    # -- executions ----------------------------------------------------------------------

    def start(self, request: dict[str, Json]) -> Execution:
        """Start an execution. `request` is what `POST execution` takes."""
        body = {"execution_id": new_id(), "started_by": self.started_by, **request}
        if "parent_id" not in request and "environ" not in request:
            body |= self.own_environ()
        return Execution.from_json(self.post("/execution", body))

    def get_execution(self, execution_id: str) -> Execution:
        """An execution by its id, or by the beginning or the end of its id."""
        return Execution.from_json(
            self.get(f"/execution/{quote(execution_id, safe='')}")
        )

    def own_environ(self, variables: Mapping[str, str] | None = None) -> Json:
        """The environment variables of a start, for its body: see `start_variables`."""
        return start_variables(variables or {}, is_person=self._token is None)

    def list_executions(self, **filters: Any) -> list[Execution]:
        """Executions, the newest first.

        Args:
            filters: `status`, `flow_name`, `parent_id`, `limit`, `cursor`, ...; None: any.
                `since` is a datetime, or text with a zone.
        """
        query = {k: v for k, v in filters.items() if v is not None}
        records = self.get_list("/execution", **{"limit": LISTED, **query})
        return [Execution.from_json(record) for record in records]

    def tree(self, execution_id: str) -> dict[str, Json]:
        """`executions` and `progress` of the family, and the `cursor` to follow from."""
        pages = self._pages(f"/execution/{execution_id}/tree")
        family: dict[str, Json] = next(pages)  # Its cursor is the oldest one.
        for page in pages:
            family["executions"] += page["executions"]
            family["progress"].update(page["progress"])
        return family

    def cell_runs(self, execution_id: str) -> list[CellRun]:
        """The cell runs of an execution, in the order in which they started."""
        records = self.get_list(f"/execution/{execution_id}/cell_run")
        return [CellRun.from_json(record) for record in records]

    def log(self, execution_id: str, *, after_seq: int = 0) -> list[Event]:
        """What an execution logged and printed, in order."""
        records = self.get_list(f"/execution/{execution_id}/log", after_seq=after_seq)
        return [Event.from_json(record) for record in records]

    def act(self, execution_id: str, verb: str, **body: Json) -> Execution:
        """`cancel`, `pause`, `resume`, `run`, `retry` ... it; returns the execution after that.

        After `retry` that is the new execution.
        """
        body.setdefault("execution_id", new_id())
        body.setdefault("started_by", self.started_by)
        if verb == "retry":
            body |= self.own_environ()
        if verb == "run":
            body.setdefault("event_id", new_id())
        return Execution.from_json(self.post(f"/execution/{execution_id}/{verb}", body))

    def answer(
        self, message_id: str, response: dict[str, Json], *, answered_from: str
    ) -> dict[str, Json]:
        """Answer a message, once and for all.

        Raises:
            BadAnswer: It does not fit the form; the message stays open.
            NotOpen: It was answered before; says by whom, and how.
        """
        message: dict[str, Json] = self.post(
            f"/message/{quote(message_id, safe='')}/answer",
            {
                "answer_id": new_id(),
                "response": plain_json(response, "the answer"),
                "answered_by": self.started_by.partition(" (")[0],
                "answered_from": answered_from,
            },
        )
        return message

    # -- everything else -----------------------------------------------------------------

    def sql(
        self, query: str, *, on_wait: Callable[[str], None] | None = None
    ) -> dict[str, Json]:
        """The result of an SQL query: `columns`, `types`, `rows` and `is_cut`.

        Args:
            on_wait: Called with a sentence, in a thread, if the engine needs a while before
                it can begin.
        """
        body = {"sql": query, "format": "json"}
        with copy_notice(self, on_wait):
            # The engine itself limits the time, by a setting that is not known here.
            result: dict[str, Json] = self.post("/sql", body, seconds=SQL_SECONDS)
        return result

    def events(
        self,
        cursor: int,
        *,
        root_id: str | None = None,
        execution_id: str | None = None,
        is_passive: bool = False,
    ) -> Iterator[Event | None]:
        """Events after `cursor`, without end; None when there is none for a while.

        Reconnects, also to a new engine, and misses no event. `is_passive`: an engine that
        has nothing else to do may exit.
        """
        filters = {"root_id": root_id, "execution_id": execution_id}
        filters["is_passive"] = "true" if is_passive else None
        while True:
            with suppress(OSError, http.client.HTTPException):
                for event in self._stream(cursor, filters):
                    cursor = max(cursor, event.seq) if event else cursor
                    yield event
            yield None
            self.get("/engine")  # Returns when there is an engine again.

    def get(self, path: str, **query: Any) -> Any:
        """GET `path` with `query`; the JSON of the response."""
        return self.request("GET", path_with_query(path, query))

    def get_list(self, path: str, **query: Any) -> list[Any]:
        """The records of a list, page after page; at most `limit`, if that is given."""
        limit = query.get("limit")
        records: list[Any] = []
        for page in self._pages(path, **query):
            records += page
            if limit is not None and len(records) >= limit:
                break
        return records[:limit]

    def _pages(self, path: str, **query: Any) -> Iterator[Any]:
        next_path: str | None = path_with_query(path, query)
        while next_path is not None:
            self._local.next_path = None
            yield self.request("GET", next_path)
            next_path = self._local.next_path

    def post(
        self, path: str, body: Json = None, *, seconds: float = ANSWER_SECONDS
    ) -> Any:
        """POST `body` to `path`; the response may take `seconds`."""
        return self.request("POST", path, body, seconds=seconds)

    def request(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        seconds: float = ANSWER_SECONDS,
    ) -> Any:
        """Send a request; repeat it while no engine responds.

        Raises:
            FlowkernelError: The engine's error, as the class that it names.
            EngineUnreachable: No engine for 30 s, and none could be started.
        """
        content = None if body is None else dumps(body).encode()
        deadline: float | None = None  # Counts from the first failure.
        is_first = True
        while True:
            try:
                reply = self._reply(method, path, content, seconds)
                if reply.retry_after is not None:
                    deadline = deadline or monotonic() + RETRY_SECONDS
                    if monotonic() <= deadline:
                        time.sleep(reply.retry_after)
                        continue
                self._local.next_path = reply.next_path
                return reply.value
            except (OSError, http.client.HTTPException) as error:
                self._engine = None  # Its address may have changed: read it again.
                if path in UNREPEATABLE and not _is_unsent(error, is_first=is_first):
                    raise self._unreachable(error) from error
                if is_first:  # The engine may have closed an idle connection.
                    is_first = False
                    continue
                deadline = deadline or monotonic() + RETRY_SECONDS
                if monotonic() > deadline or not self.starts_engine:
                    raise self._unreachable(error) from error
                self._engine = self.ensure_engine()
                time.sleep(RETRY_EVERY)

    def _unreachable(self, error: Exception) -> EngineUnreachable:
        return EngineUnreachable(
            f"The engine of {str(self.home.path)!r} does not answer "
            f"({type(error).__name__}: {error}). `flowkernel doctor` shows why."
        )

    # -- connections ---------------------------------------------------------------------

    def _reply(
        self, method: str, path: str, body: bytes | None, seconds: float
    ) -> Reply:
        reply = self._exchange(method, path, body, seconds)
        if reply.status == UNAUTHORIZED:  # Our token is that of another engine.
            self._engine = self.ensure_engine()
            reply = self._exchange(method, path, body, seconds)
        if reply.status == UNAUTHORIZED:
            raise Unauthorized(is_made=self._token is not None)
        return reply

    def _exchange(
        self, method: str, path: str, body: bytes | None, seconds: float
    ) -> Reply:
        engine = self._known_engine()
        connection = self._connection(engine, seconds)
        try:
            headers = {**headers_of(engine, body), **self._person()}
            connection.request(method, API + path, body, headers)
            return Reply.of(connection.getresponse())
        except BaseException:  # An interrupt, too: the rest must not be read later.
            self.close()
            raise

    def _person(self) -> dict[str, str]:
        if self.channel is None:
            return {}
        person = self.started_by.partition(" (")[0]
        return {PERSON: f"{quote(person)};{quote(self.channel)}"}

    def _known_engine(self) -> EngineFile:
        if self._engine is None:
            with suppress(BadArgument):
                self._engine = EngineFile.read(self.home, token=self._token)
        if self._engine is None:
            if not self.starts_engine:
                raise ConnectionRefusedError("no engine")
            self._engine = self.ensure_engine()
        return self._engine

    def ensure_engine(self) -> EngineFile:
        """The running engine of the home; started, if there is none."""
        return engine_launcher.ensure_engine(self.home, self._token)

    def _connection(
        self, engine: EngineFile, seconds: float
    ) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection | None = getattr(
            self._local, "connection", None
        )
        owner = (engine.url, os.getpid())  # A forked process must not share the socket.
        if connection is None or self._local.owner != owner:
            self.close()
            connection = open_connection(engine.url, seconds)
            self._local.connection, self._local.owner = connection, owner
        if connection.sock is not None:
            connection.sock.settimeout(seconds)
        connection.timeout = seconds
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local.connection = None

    def _stream(
        self, cursor: int, filters: Mapping[str, str | None]
    ) -> Iterator[Event | None]:
        values = {k: v for k, v in filters.items() if v is not None}
        query = urlencode({"cursor": cursor, **values})
        return read_events(self._known_engine(), f"{API}/event?{query}")


def _is_unsent(error: Exception, *, is_first: bool) -> bool:
    """Whether the engine cannot have begun with a request that failed so.

    The first try may have met a connection that was closed because it was idle.
    """
    if isinstance(error, ConnectionRefusedError):
        return True
    return is_first and not isinstance(error, TimeoutError)
