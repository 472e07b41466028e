"""Which token may send which request: every route has its line in the table."""

import pytest

from flowkernel.config import Config
from flowkernel.engine.api.app import make_app
from flowkernel.engine.api.permissions import (
    PERMISSIONS,
    PERSON_ONLY,
    Reach,
    permission_of,
)
from flowkernel.engine.running_engine import Engine
from flowkernel.home import Home
from tests.stage import ENGINE_FILE

#: What no flow may do, whatever else is added.
FOR_PEOPLE = (
    "POST /engine/stop",
    "POST /prune",
    "POST /compact",
    "POST /backup",
    "POST /message/{message_id}/answer",
    "POST /worker/{worker_id}/poll",
    "POST /worker/{worker_id}/report",
)


def test_every_route_has_a_line_in_the_table_and_no_line_is_of_another(tmp_path):
    home = Home(tmp_path)
    home.prepare()
    with Engine(home, Config(), ENGINE_FILE) as engine:
        paths = make_app(engine).openapi()["paths"]

    routes = {
        f"{verb.upper()} {path.removeprefix('/api/latest')}"
        for path, verbs in paths.items()
        for verb in verbs
    }

    assert routes == set(PERMISSIONS)


@pytest.mark.parametrize("route", PERMISSIONS)
def test_a_request_is_found_by_its_path(route):
    method, _, path = route.partition(" ")
    id_ = "1" * 36
    filled = "/".join(id_ if "{" in word else word for word in path.split("/"))

    permission, path_id = permission_of(method, filled)

    assert permission == PERMISSIONS[route]
    assert path_id == (id_ if "{" in path else "")


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/", "", "/execution/x/cancel/y", "/engine/stop\n", "/execution/x/"],
)
def test_a_request_that_is_not_in_the_table_is_for_people(path):
    assert permission_of("POST", path)[0] == PERSON_ONLY


@pytest.mark.parametrize("route", FOR_PEOPLE)
def test_a_flow_may_not(route):
    assert PERMISSIONS[route].execution is Reach.NOTHING


def test_a_worker_may_do_what_workers_do_and_nothing_else():
    routes = {
        route for route, p in PERMISSIONS.items() if p.worker is not Reach.NOTHING
    }

    assert routes == {
        "GET /engine",
        "GET /execution/{execution_id}/asked",
        "POST /worker/{worker_id}/poll",
        "POST /worker/{worker_id}/report",
    }
