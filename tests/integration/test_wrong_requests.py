"""Whatever a client sends over REST, the response is never a fault of the engine."""

import json
import sys

import httpx
import pytest

from flowkernel.client.engine_launcher import ensure_engine
from flowkernel.core.clock import new_id
from flowkernel.core.models import EventKind
from flowkernel.core.status import ExecutionStatus as S

WRONG = [
    None,
    True,
    0,
    -1,
    2**70,
    1e300,
    "",
    "x",
    "2020-01-01T00:00:00",
    "\ud800",
    "\x00",
    "a" * 1_000,
    [],
    [None],
    ["x", "x"],
    {},
    {"a": 1},
    {"": None},
    [{"event_id": "e", "execution_id": 1}],
]
RAW = [
    b"",
    b"{",
    b"[1",
    b"nul",
    b'{"a":NaN}',
    b"\xff",
    b"[" * 100_000,
    b"[]",
    b'"x"',
    b"0",
]
IDS = [
    "x",
    "..",
    "%2e%2e%2f",
    "%00",
    "%ff",
    "%F0%9F%98%80",
    "';--",
    "0" * 36,
    "a" * 500,
]
QUERIES = ["x", "-1", "0", "9" * 30, "1e5", "\x00", "", "None", "..", "SUCCESS"]
WORKER = f"papermill-{new_id()}"
GOOD = {  #: A request that each route understands; one field at a time is made wrong.
    "StartRequest": {"flow": "f", "run": False},
    "RegisterBody": {"name": "g", "kind": "CELL", "source": "x = 1"},
    "SignatureBody": {"kind": "CELL", "source": "x = 1"},
    "WrapBody": {"wrappers": [{"name": "retry", "inputs": {}}]},
    "SaveBody": {},
    "OutputBody": {"output": {}},
    "LogBody": {"text": "t"},
    "MessageRequest": {"subject": "s"},
    "PromptRequest": {"about_id": new_id()},
    "DecideBody": {"verb": "fail"},
    "MessageAnswer": {"response": {}},
    "WaitRequest": {"seconds": 0},
    "VerbBody": {},
    "RetryBody": {},
    "PruneBody": {"days": 1.0, "is_dry": True},
    "SqlBody": {"sql": "select 1"},
    "StopBody": {},
    "PollBody": {"pid": 1, "process_started_at": 1.0, "holding": [], "paused": ["x"]},
    "ReportBody": {"pid": 1, "process_started_at": 1.0, "events": []},
}
PAYLOAD = {
    "stream": "log",
    "text": "t",
    "cell_count": 1,
    "cell_run_id": "c",
    "cell_id": "x",
    "cell_index": 0,
    "source_hash": "h",
    "status": "SUCCESS",
    "status_message": "m",
    "error": None,
    "error_name": None,
    "notebook_path": None,
    "failure": {},
    "is_parked": False,
    "why": "w",
}


@pytest.fixture(scope="module")
def rest(home):
    """Talks to the engine itself, with its token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWKERNEL_POLL", "0.01")  # Else workers wait for assignments.
        engine = ensure_engine(home)
    headers = {"Authorization": f"Bearer {engine.token}"}
    with httpx.Client(base_url=engine.url, headers=headers, timeout=30) as rest:
        body = {
            **GOOD["RegisterBody"],
            "name": "f",
            "environment": {"interpreter": sys.executable},
        }
        assert rest.post("/api/latest/flow", json=body).status_code == 200
        yield rest


@pytest.fixture
def start(rest):
    """Start an execution that does nothing; its id."""

    def start(**body):
        request = {**GOOD["StartRequest"], **body}
        response = rest.post("/api/latest/execution", json=request)
        assert response.status_code == 201, response.text
        return response.json()["execution_id"]

    return start


@pytest.fixture
def executions(rest, start):
    """Executions in three states: recorded, ended, and running in a worker."""
    ended = start()
    rest.post(f"/api/latest/execution/{ended}/cancel", json={})
    running = start(worker=WORKER, run=True)
    assert rest.get(f"/api/latest/execution/{running}").json()["status"] == S.RUNNING
    return [start(), ended, running]


def operations(rest):
    """Every verb of every route, but the one that stops the engine."""
    for path, verbs in rest.get("/openapi.json").json()["paths"].items():
        for verb, operation in verbs.items():
            if not path.endswith("/engine/stop"):
                yield verb.upper(), path, operation


def with_ids(path, ids):
    """The path with an id in it, for each of `ids` that it could be."""
    if "{" not in path:
        return [path]
    start, _brace, end = path.partition("{")
    return [start + id_ + end.partition("}")[2] for id_ in ids]


def ids_of(path, executions):
    """Ids that exist, of what the path names."""
    words = {"flow": ["f"], "worker": [WORKER], "execution": executions}
    return next((ids for word, ids in words.items() if f"/{word}/" in path), IDS[:1])


def model_of(operation):
    """The name of the shape of its body; None if it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return schema["$ref"].rpartition("/")[2] if "$ref" in schema else None


def faults(rest, requests):
    """The requests whose response is a fault, or an error in another form than ours."""
    faulty = []
    for verb, path, query, body in requests:
        headers = {} if body is None else {"content-type": "application/json"}
        if path.endswith(("/event", "/stream")):  # They have no end.
            with rest.stream(verb, path, params=query) as response:
                status, text = response.status_code, '{"code": 0, "message": 0}'
        else:
            response = rest.request(
                verb, path, params=query, content=body, headers=headers
            )
            status, text = response.status_code, response.text
        if status < 400:
            continue
        is_ours = text.startswith("{") and set(json.loads(text)) == {"code", "message"}
        if status >= 500 or not is_ours:
            faulty.append((verb, path, query, (body or b"")[:200], status, text))
    return faulty


def text_of(value):
    return json.dumps(value).encode()


def test_ids_of_nothing(rest):
    requests = [
        (
            verb,
            path,
            None,
            text_of(GOOD[model]) if (model := model_of(operation)) else None,
        )
        for verb, route, operation in operations(rest)
        for path in with_ids(route, IDS)
        if "{" in route
    ]

    assert faults(rest, requests) == []


@pytest.mark.kernel
def test_queries_that_are_wrong(rest, executions):
    requests = [
        (verb, path, {parameter["name"]: value}, None)
        for verb, route, operation in operations(rest)
        if verb == "GET"
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
        for path in with_ids(route, ids_of(route, executions))[-1:]
        for value in QUERIES
    ]

    assert len(requests) > 50
    assert faults(rest, requests) == []


@pytest.mark.kernel
def test_bodies_that_are_wrong(rest, executions):
    requests = [
        (verb, path, None, body)
        for verb, route, operation in operations(rest)
        if model_of(operation)
        for path in with_ids(route, ids_of(route, executions))[-1:]
        for body in [*RAW, *map(text_of, WRONG)]
    ]

    assert len(requests) > 300
    assert faults(rest, requests) == []


@pytest.mark.kernel
@pytest.mark.parametrize("at", [0, 1, 2], ids=["recorded", "ended", "running"])
def test_fields_that_are_wrong(rest, executions, at):
    schemas = rest.get("/openapi.json").json()["components"]["schemas"]
    requests = [
        (verb, path, None, text_of({**GOOD[model], name: value}))
        for verb, route, operation in operations(rest)
        if (model := model_of(operation))
        for path in with_ids(route, ids_of(route, [executions[at]]))
        for name in schemas[model]["properties"]
        for value in WRONG
    ]

    assert len(requests) > 500
    assert faults(rest, requests) == []


@pytest.mark.kernel
def test_reports_that_are_wrong(rest, executions):
    def report(**event):
        record = {
            "event_id": new_id(),
            "execution_id": executions[2],
            "kind": "logged",
            "happened_at": "2026-01-01T00:00:00Z",
            "payload": PAYLOAD,
        }
        body = {**GOOD["ReportBody"], "events": [{**record, **event}]}
        return "POST", f"/api/latest/worker/{WORKER}/report", None, text_of(body)

    fields = (
        "event_id",
        "execution_id",
        "kind",
        "happened_at",
        "actor",
        "payload",
        "seq",
    )
    requests = [report(**{name: value}) for name in fields for value in WRONG]
    requests += [
        report(kind=kind, payload=value) for kind in EventKind for value in WRONG
    ]
    requests += [
        report(kind=kind, payload={**PAYLOAD, "cell_run_id": new_id(), name: value})
        for kind in EventKind
        if kind is not EventKind.ENDED
        for name in PAYLOAD
        for value in WRONG
    ]

    assert faults(rest, requests) == []
    assert rest.get(f"/api/latest/execution/{executions[2]}/tree").status_code == 200
    assert (
        rest.get(f"/api/latest/execution/{executions[2]}/cell_run").status_code == 200
    )
    assert rest.get(f"/api/latest/execution/{executions[2]}/log").status_code == 200
