"""The OpenAPI document is true: requests made from it are answered as it says.

schemathesis makes requests that fit the document, and others that do not.
"""

import os

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from flowkernel.engine.api.openapi import CREATED, REPLIES
from flowkernel.home import EngineFile
from tests.conftest import a_home
from tests.stage import engine_in_process

pytestmark = pytest.mark.kernel  # Hundreds of requests.
FLOW = {"name": "f", "kind": "CELL", "source": "x = 1"}
#: It stops the engine; and responses without an end.
APART = ["POST /engine/stop", "GET /event", "GET /execution/change/stream"]
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.ignored_auth,
]
#: Random requests of each kind for each route.
EXAMPLES = int(os.environ.get("FLOWKERNEL_TEST_EXAMPLES", "4"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """An engine in this process, with a flow and an execution."""
    path = tmp_path_factory.mktemp("home")
    with a_home(path) as home, engine_in_process(home) as client:
        client.post("/flow", FLOW)
        client.start({"flow": "f", "run": False})
        yield EngineFile.read(home)


@pytest.fixture(scope="module")
def document(engine):
    headers = {"Authorization": f"Bearer {engine.token}"}
    return httpx.get(f"{engine.url}/openapi.json", headers=headers).json()


@pytest.fixture(scope="module")
def api_schema(engine):
    headers = {"Authorization": f"Bearer {engine.token}"}
    return schemathesis.openapi.from_url(f"{engine.url}/openapi.json", headers=headers)


@pytest.fixture(params=[route for route in REPLIES if route not in APART])
def operation(request, api_schema):
    """Each route."""
    method, _, path = request.param.partition(" ")
    return api_schema[f"/api/latest{path}"][method]


@pytest.fixture
def ask(engine):
    """Send a request, and compare the response with the document."""

    def ask(case):
        if case.path.endswith("/wait") and isinstance(case.body, dict):
            seconds = case.body.get("seconds", 20)
            if (
                not isinstance(seconds, bool | str | list | dict | None)
                and seconds <= 60
            ):
                case.body["seconds"] = min(0, seconds)  # It is held open.
        headers = {"Authorization": f"Bearer {engine.token}"}
        case.call_and_validate(checks=CHECKS, headers=headers, timeout=30)

    return ask


def test_each_limit_of_the_document_is_kept_on_both_sides(operation, ask):
    """What is just allowed, and what is just not: types, lengths, unknown fields, methods."""
    schema = operation.schema
    config = schema.config.generation_for(operation=operation)

    for case in schema.iter_coverage_cases(
        operation, generation_modes=list(GenerationMode), generation_config=config
    ):
        ask(case)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_requests_made_from_the_document_are_answered_as_it_says(operation, mode, ask):
    @given(operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def ask_each(case):
        ask(case)

    ask_each()


def test_each_route_is_described_with_what_it_responds(document):
    routes = {
        f"{method.upper()} {path.removeprefix('/api/latest')}"
        for path, operations in document["paths"].items()
        for method in operations
    }

    assert routes == set(REPLIES)
    assert routes >= CREATED


def test_errors_have_one_form_and_are_declared(document):
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            responses = operation["responses"]
            refusals = {status: r for status, r in responses.items() if status >= "400"}

            assert {"400", "401", "403", "500", "503"} <= set(refusals), (method, path)
            assert "422" not in refusals
            for refusal in refusals.values():
                content = refusal["content"]["application/json"]["schema"]
                assert content == {"$ref": "#/components/schemas/ErrorReply"}


def test_streams_and_tables_are_described_with_their_types(document):
    paths = document["paths"]
    stream = paths["/api/latest/event"]["get"]["responses"]["200"]["content"]
    table = paths["/api/latest/sql"]["post"]["responses"]["200"]["content"]

    assert list(stream) == ["text/event-stream"]
    assert list(table) == ["application/json", "application/vnd.apache.arrow.stream"]
    assert document["security"] == [{"token": []}]
