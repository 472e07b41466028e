"""Which routes of the engine the panel may use, and what the server adds. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

from flowkernel.core.clock import new_id
from flowkernel.server_extension.panel_refusal import PanelRefusal

CHANNEL = "panel"  #: Where a person answers, and makes requests.
MAX_PATH = 2_000  #: Characters of a path, inclusive.
MAX_QUERY = 100  #: Parameters of a query, inclusive.
#: Query parameters that are for Jupyter Server: authentication, XSRF, idle time.
FOR_JUPYTER = frozenset({"token", "_xsrf", "no_track_activity"})
#: Fields of a body that only processes of flowkernel send. With `worker` a response would
#: have tokens in it.
NOT_FROM_PAGES = frozenset(
    {"call_key", "environ", "environ_names", "parent_id", "wrapped_of", "worker"}
)
ANY = "*"  #: In a pattern: one name or id.


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRoute:
    """One route of the engine that the panel may use."""

    method: str
    pattern: str  #: As in `execution/*/cancel`.
    #: Fields of the body in which the server says who the person is.
    person_fields: tuple[str, ...] = ()
    #: The field with an id that makes the request safe to send again.
    id_field: str | None = None
    #: Whether the environment variables of this server go with it, as with a cell.
    has_environ: bool = False
    #: Whether it runs code of the page, as Jupyter's authorizer is asked.
    executes: bool = False
    #: Whether the panel makes it by itself: it only reads, and is no sign of the person.
    only_reads: bool = False
    #: Whether it may be sent again if no response came.
    is_repeatable: bool = True
    seconds: float = 60.0  #: How long a response may take.

    @property
    def action(self) -> str:
        """What Jupyter's authorizer is asked: `read`, `write` or `execute`."""
        if self.executes:
            return "execute"
        return "read" if self.only_reads else "write"

    def fits(self, segments: list[str]) -> bool:
        """Whether a path is of this route."""
        words = self.pattern.split("/")
        pairs = zip(words, segments, strict=False)
        return len(words) == len(segments) and all(
            word in (ANY, segment) for word, segment in pairs
        )


def _reads(*patterns: str) -> Iterator[PanelRoute]:
    for pattern in patterns:
        yield PanelRoute(method="GET", pattern=pattern, only_reads=True)


def _verbs(*verbs: str) -> Iterator[PanelRoute]:
    for verb in verbs:
        yield PanelRoute(
            method="POST",
            pattern=f"execution/*/{verb}",
            person_fields=("started_by",),
            id_field={"run": "event_id", "retry": "execution_id"}.get(verb),
            has_environ=verb == "retry",
            executes=verb in ("run", "retry"),
        )


#: Everything else is refused: what workers and flows send, and what is for administrators.
PERMITTED: tuple[PanelRoute, ...] = (
    *_reads(
        "engine",
        "flow",
        "flow/*",
        "flow_version/*",
        "wrapper",
        "execution",
        "execution/change",
        "execution/*",
        "execution/*/tree",
        "execution/*/ancestors",
        "execution/*/presence",
        "execution/*/asked",
        "execution/*/cell_run",
        "execution/*/log",
        "message",
        "message/*",
    ),
    *_verbs("cancel", "pause", "resume", "release_kernel", "run", "retry"),
    PanelRoute(
        method="POST",
        pattern="execution",
        person_fields=("started_by",),
        id_field="execution_id",
        has_environ=True,
        executes=True,
    ),
    PanelRoute(method="PATCH", pattern="execution/*"),
    PanelRoute(method="DELETE", pattern="execution/*"),
    PanelRoute(method="POST", pattern="flow"),
    PanelRoute(method="PATCH", pattern="flow/*"),
    PanelRoute(method="DELETE", pattern="flow/*"),
    PanelRoute(
        method="POST",
        pattern="message/*/answer",
        person_fields=("answered_by",),
        id_field="answer_id",
        executes=True,  # It may have the source of a cell.
    ),
    PanelRoute(
        method="POST",
        pattern="sql",
        only_reads=True,
        is_repeatable=False,
        seconds=600.0,
    ),
)


def permitted(method: str, path: str) -> tuple[PanelRoute, str]:
    """The route of a request, and its path as the engine gets it.

    Args:
        path: Behind `flowkernel/api/`, as it came: with percent signs.

    Raises:
        PanelRefusal: The panel may not use it.
    """
    segments = path_segments(path)
    fitting = [route for route in PERMITTED if route.fits(segments)]
    if not fitting:
        raise _no_route(path)
    for route in fitting:
        if route.method == method:
            return route, "/".join(quote(segment, safe="") for segment in segments)
    methods = ", ".join(sorted({route.method for route in fitting}))
    raise PanelRefusal(
        405, "MethodNotAllowed", f"{method} is not for this path; it takes {methods}."
    )


def path_segments(path: str) -> list[str]:
    """The names in a path, without percent signs.

    Raises:
        PanelRefusal: One of them could lead elsewhere.
    """
    try:
        names = [unquote(part, errors="strict") for part in path.split("/")]
    except UnicodeDecodeError:
        raise _no_route(path) from None
    if len(path) > MAX_PATH or not all(map(_is_name, names)):
        raise _no_route(path)
    return names


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and not any(
        char in "/\\" or ord(char) < 32 or ord(char) == 127 for char in text
    )


def _no_route(path: str) -> PanelRefusal:
    shown = path[:100].encode("ascii", "replace").decode()
    return PanelRefusal(
        404, "NoSuchRoute", f"The panel has no route {shown!r} to the engine."
    )


def engine_query(query: str) -> str:
    """The query that the engine gets: without what is for Jupyter Server.

    JupyterLab adds the time, as a name without a value, so that no browser keeps a response.

    Raises:
        PanelRefusal: It has too many parameters.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_QUERY)
    except ValueError:
        message = f"The query has more than {MAX_QUERY} parameters. Leave some out."
        raise PanelRefusal(400, "BadArgument", message) from None
    own = [
        (name, value)
        for name, value in pairs
        if name not in FOR_JUPYTER and not (name.isdigit() and not value)
    ]
    return urlencode(own)


def engine_body(
    route: PanelRoute, content: bytes, *, person: str, environ: Mapping[str, Any]
) -> bytes | None:
    """The body that the engine gets: the server says who the person is, not the page.

    Args:
        content: The body of the page.
        person: The name of the person.
        environ: Fields with the environment variables of this server.

    Raises:
        PanelRefusal: It is no JSON object, or has a field that is not for pages.
    """
    if route.method in ("GET", "DELETE"):
        return None
    body = body_object(content)
    wrong = sorted(NOT_FROM_PAGES & body.keys())
    if wrong and route.person_fields:
        raise PanelRefusal(400, "BadArgument", f"The panel may not send {wrong[0]!r}.")
    body |= _person_values(route, person)
    if route.has_environ:
        body |= environ
    if route.id_field is not None:
        body.setdefault(route.id_field, new_id())
    return json.dumps(body).encode()


def body_object(content: bytes) -> dict[str, Any]:
    """The JSON object of a request; none is an empty one.

    Raises:
        PanelRefusal: It is something else.
    """
    try:
        body = json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise PanelRefusal(
            400, "BadArgument", "The body of the request is no JSON object."
        )
    return body


def _person_values(route: PanelRoute, person: str) -> dict[str, str]:
    values = dict.fromkeys(route.person_fields, person)
    if "started_by" in values:
        values["started_by"] = f"{person} ({CHANNEL})"
    if "answered_by" in values:
        values["answered_from"] = CHANNEL
    return values
