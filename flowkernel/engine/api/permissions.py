"""Which tokens may send which request. A person's token may send each of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Reach(Enum):
    """On what a kind of caller may act by a request."""

    NOTHING = auto()
    #: The path names the caller itself. If it has no id, the route acts on the caller.
    ITSELF = auto()
    BELOW = auto()  #: The caller itself, and every execution under it.
    HOME = auto()  #: Everything; what is in the body, the route checks.


N, ITSELF, BELOW, HOME = Reach.NOTHING, Reach.ITSELF, Reach.BELOW, Reach.HOME


@dataclass(frozen=True, slots=True)
class Permission:
    """On what executions and workers may act by one request."""

    execution: Reach
    worker: Reach = Reach.NOTHING


READS = Permission(HOME)
PERSON_ONLY = Permission(N)

#: By method and route. A test compares it with the routes of the application.
PERMISSIONS: Mapping[str, Permission] = {
    # The record, to read.
    "GET /execution": READS,
    "GET /execution/{execution_id}": READS,
    "GET /execution/{execution_id}/tree": READS,
    "GET /execution/{execution_id}/ancestors": READS,
    "GET /execution/{execution_id}/cell_run": READS,
    "GET /execution/{execution_id}/decision": READS,
    "GET /execution/{execution_id}/log": READS,
    "GET /execution/{execution_id}/presence": READS,
    "GET /execution/{execution_id}/asked": Permission(HOME, worker=HOME),
    "GET /message": READS,
    "GET /message/{message_id}": READS,
    "GET /flow": READS,
    "GET /flow/{name}": READS,
    "GET /flow_version/{flow_version}": READS,
    "GET /wrapper": READS,
    "GET /event": READS,
    "GET /execution/change": READS,
    "GET /execution/change/stream": READS,
    "POST /sql": READS,
    "POST /signature": READS,
    "GET /engine": Permission(HOME, worker=HOME),
    # What a flow does: it starts others, waits for any, reports of itself.
    "POST /execution": Permission(ITSELF),
    "POST /execution/{execution_id}/wait": Permission(HOME),
    "POST /execution/{execution_id}/output": Permission(BELOW),
    "POST /execution/{execution_id}/log": Permission(BELOW),
    "PATCH /execution/{execution_id}": Permission(BELOW),
    "DELETE /execution/{execution_id}": Permission(BELOW),
    "POST /execution/{execution_id}/cancel": Permission(BELOW),
    "POST /execution/{execution_id}/pause": Permission(BELOW),
    "POST /execution/{execution_id}/resume": Permission(BELOW),
    "POST /execution/{execution_id}/release_kernel": Permission(BELOW),
    "POST /execution/{execution_id}/run": Permission(BELOW),
    "POST /execution/{execution_id}/retry": Permission(BELOW),
    "POST /execution/{execution_id}/decide": Permission(BELOW),
    "POST /execution/{execution_id}/message": Permission(ITSELF),
    "POST /execution/{execution_id}/prompt": Permission(ITSELF),
    # A notebook that runs as a flow registers its cells.
    "POST /flow": Permission(HOME),
    "DELETE /flow/{name}": Permission(HOME),
    # What only people do.
    "POST /message/{message_id}/answer": PERSON_ONLY,
    "PATCH /flow/{name}": PERSON_ONLY,
    "POST /prune": PERSON_ONLY,
    "POST /compact": PERSON_ONLY,
    "POST /backup": PERSON_ONLY,
    "POST /engine/stop": PERSON_ONLY,
    # What workers do. A person's token may, too, for workers of older versions.
    "POST /worker/{worker_id}/poll": Permission(N, worker=ITSELF),
    "POST /worker/{worker_id}/report": Permission(N, worker=ITSELF),
}


def permission_of(method: str, path: str) -> tuple[Permission, str]:
    """The permission for a request, and the id in its path.

    A request that is not in the table is for people.

    Args:
        path: Behind `/api/latest`.
    """
    noun, _, tail = path.removeprefix("/").partition("/")
    id_, _, verb = tail.partition("/")
    permission = PERMISSIONS.get(f"{method} {path}")
    if permission is not None:
        return permission, ""
    return _BY_SHAPE.get((method, noun, verb), PERSON_ONLY), id_


def _shape(route: str) -> tuple[str, str, str]:
    """The method, the noun and the verb of a route with an id between these two."""
    method, _, path = route.partition(" ")
    noun, _, tail = path.removeprefix("/").partition("/")
    return method, noun, tail.partition("/")[2]


_BY_SHAPE = {
    _shape(route): permission
    for route, permission in PERMISSIONS.items()
    if "{" in route
}
