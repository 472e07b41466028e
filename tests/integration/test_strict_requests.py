"""A request is taken exactly as the reference says, or refused with a sentence that helps."""

import json

import httpx
import pytest

from flowkernel.home import EngineFile
from tests.conftest import a_home
from tests.stage import engine_in_process

POLL = {"pid": 1, "process_started_at": 0.0, "holding": []}
FLOW = {"name": "f", "kind": "CELL", "source": "x = 1"}
JSON = {"content-type": "application/json"}
#: The id of nothing that there is.
UNKNOWN = "01a21e01-8c0b-7695-8d47-09ef4ac82ead"


@pytest.fixture(scope="module")
def rest(tmp_path_factory):
    """Talks to an engine in this process, with its token."""
    path = tmp_path_factory.mktemp("home")
    with a_home(path) as home, engine_in_process(home):
        engine = EngineFile.read(home)
        headers = {"Authorization": f"Bearer {engine.token}"}
        url = f"{engine.url}/api/latest"
        with httpx.Client(base_url=url, headers=headers, timeout=30) as rest:
            assert rest.post("/flow", json=FLOW).status_code == 200
            yield rest


def sentence(response, status=400):
    """The sentence of a refusal, which is of our form."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"code", "message"}
    return response.json()["message"]


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("/prune", {"keep": True}, "keep is true; it should be a valid integer"),
        ("/prune", {"days": False}, "days is false; it should be a valid number"),
        ("/prune", {"keep": "1"}, 'keep is "1"; it should be a valid integer'),
        ("/prune", {"keep": 1.0}, "keep is 1.0; it should be a valid integer"),
        (
            "/prune",
            {"keep": 1, "is_dry": "yes"},
            'is_dry is "yes"; it should be a valid b',
        ),
        ("/prune", {"kep": 1}, "there is no field 'kep': did you mean 'keep'?"),
        (
            "/execution",
            {"flow": "f", "run": 0},
            "run is 0; it should be a valid boolean",
        ),
        (
            "/execution",
            {"flow": "f", "fun": True},
            "no field 'fun': did you mean 'run'?",
        ),
        ("/execution", {"flow": 3}, "flow is 3; it should be a valid string"),
        ("/execution", {"flow": "f", "zzz": True}, "no field 'zzz': leave it out"),
        (
            "/execution",
            {"flow": "f", "call_key": "a\0"},
            "['call_key'] has the character NUL",
        ),
        ("/flow", {**FLOW, "sauce": "x"}, "no field 'sauce': did you mean 'source'?"),
        ("/flow", {**FLOW, "environment": {"cwdd": ""}}, "no field 'environment.cwdd'"),
        ("/flow", {"name": "f"}, "kind is missing; source is missing"),
        (
            "/sql",
            {"sql": ["SELECT 1"]},
            "sql is a list of 1; it should be a valid string",
        ),
        ("/compact", {"now": True}, "there is no field 'now'"),
        ("/worker/w/poll", {**POLL, "pid": 0}, "pid is 0; it should be greater than 0"),
        ("/worker/w/poll", {**POLL, "pid": 2**31}, "it should be less than 2147483648"),
    ],
)
def test_a_value_of_another_type_or_an_unknown_field_is_refused(rest, path, body, says):
    assert says in sentence(rest.post(path, json=body))


@pytest.mark.parametrize(
    "id_",
    [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "0000000000000000000000000000000000-1",
        "------------------------------------",
        "0D9F2C1E-7B3A-4F60-9A44-1D2E3F405162",
        "{0d9f2c1e-7b3a-4f60-9a44-1d2e3f405162}",
        "urn:uuid:0d9f2c1e-7b3a-4f60-9a44-1d2e3f405162",
        "0d9f2c1e7b3a4f609a441d2e3f405162",
        "0d9f2c1e-7b3a-4f60-9a44-1d2e3f405162\n",
    ],
)
def test_an_id_is_a_uuid_as_python_writes_it(rest, id_):
    body = {"flow": "f", "run": False, "execution_id": id_}

    says = sentence(rest.post("/execution", json=body))

    assert "execution_id is " in says
    assert "it should be a UUID in lower case" in says


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e999"])
@pytest.mark.parametrize("field", ["inputs", "started_by"])
def test_a_number_that_json_does_not_have_is_refused(rest, number, field):
    body = f'{{"flow": "f", "{field}": {{"x": [{number}]}}}}'

    response = rest.post("/execution", content=body, headers=JSON)

    sentence(response)
    if field == "inputs":
        assert "inputs['x'][0] is not a finite number" in response.json()["message"]


def test_what_only_looks_like_a_number_out_of_range_is_taken(rest):
    inputs = {"text": "NaN Infinity 1e400 \0", "id": "a1e999", "least": 1e-320}
    body = {"flow": "f", "run": False, "inputs": inputs}

    assert rest.post("/execution", json=body).json()["inputs"] == inputs


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("/execution?limt=5", "has no query parameter 'limt'. Did you mean 'limit'?"),
        ("/execution?limit=5&limit=6", "'limit' is there 2 times. Send it once."),
        ("/execution?limit=-1", 'limit is "-1"'),
        ("/execution?limit=0", 'limit is "0"; it should be greater than or equal to 1'),
        ("/execution?limit=1000000000", "it should be less than or equal to 10000"),
        ("/execution?limit=5.0", 'limit is "5.0"; it should be a valid integer'),
        ("/execution?limit=%205", 'limit is " 5"; it should be a valid integer'),
        ("/execution?limit=", 'limit is ""; it should be a valid integer'),
        ("/execution?cursor=x", 'cursor is "x"; it should be a UUID'),
        ("/execution?cursor=", 'cursor is ""; it should be a UUID'),
        ("/execution?root_id=0", 'root_id is "0"; it should be a UUID'),
        (
            "/execution?is_archived=1",
            'is_archived is "1"; it should be a valid boolean',
        ),
        ("/execution?status=SUCCESS", 'status is "SUCCESS"; it should be'),
        ("/execution?flow_name=%00", "'flow_name' has the character NUL"),
        ("/execution?flow_name=%ff", "is not UTF-8 in percent-encoding"),
        ("/message?is_open=yes", 'is_open is "yes"; it should be a valid boolean'),
        ("/event?cursor=-1", 'cursor is "-1"'),
        ("/event?cursor=99999999999999999999999", "cursor is"),
        ("/engine?x=1", "has no query parameter 'x'. It takes none."),
    ],
)
def test_a_query_is_taken_as_it_is_described_or_refused(rest, query, says):
    assert says in sentence(rest.get(query))


def test_a_post_takes_no_query(rest):
    assert "It takes none." in sentence(
        rest.post("/sql?sql=x", json={"sql": "SELECT 1"})
    )


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b'{"sql": "SELECT 1"}', {}, 415),
        (b'{"sql": "SELECT 1"}', {"content-type": "text/json"}, 415),
        (
            b'{"sql": "SELECT 1"}',
            {"content-type": "application/x-www-form-urlencoded"},
            415,
        ),
        (b'{"sql": "SELECT 1"}', {**JSON, "content-encoding": "gzip"}, 415),
        ('{"sql": "SELECT 1"}'.encode("utf-16"), JSON, 400),
        ('{"sql": "SELECT \'é\'"}'.encode("latin-1"), JSON, 400),
        (b'{"sql": "\\ud800"}', JSON, 400),
        (b'{"sql": "SELECT 1"} {}', JSON, 400),
        (b"", JSON, 400),
        (b"[]", JSON, 400),
    ],
)
def test_a_body_is_json_in_utf8_and_says_so(rest, content, headers, status):
    sentence(rest.post("/sql", content=content, headers=headers), status)


def test_a_content_type_may_have_parameters(rest):
    headers = {"content-type": "application/json; charset=utf-8"}

    assert rest.post("/sql", content=b'{"sql": "SELECT 1"}', headers=headers).is_success


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_an_action_without_fields_takes_an_empty_body(rest, body):
    headers = JSON if body else {}

    assert rest.post("/compact", content=body, headers=headers).is_success


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/flow", "GET, HEAD, OPTIONS, POST"),
        (f"/execution/{UNKNOWN}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        (f"/execution/{UNKNOWN}/cancel", "OPTIONS, POST"),
        ("/event", "GET, OPTIONS"),
    ],
)
def test_a_wrong_method_is_refused_with_those_that_there_are(rest, path, methods):
    refusal, options = rest.put(path), rest.options(path)

    assert f"This path takes {methods}." in sentence(refusal, 405)
    assert refusal.headers["allow"] == methods
    assert (options.status_code, options.headers["allow"]) == (204, methods)


def test_head_is_get_without_the_body(rest):
    get, head = rest.get("/flow"), rest.head("/flow")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))
    assert rest.head("/event").status_code == 405
    assert rest.head("/execution/nothing").status_code == 404


def test_a_path_that_does_not_exist_has_no_methods(rest):
    assert "openapi.json lists" in sentence(rest.options("/nothing"), 404)
    assert "openapi.json lists" in sentence(rest.get("/nothing"), 404)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b'{"keep": 1, "keep": 1, "is_dry": true}', "keep"),
        (b'{"keep": 1, "k\\u0065ep": 2, "is_dry": true}', "keep"),
        (b'{"flow": "f", "run": false, "inputs": {"a": {"b": 1, "b": 2}}}', "b"),
        (b'{"flow": "f", "run": false, "inputs": [{"": 1}, {"": 1, "": 1}]}', ""),
    ],
)
def test_a_name_that_stands_twice_is_refused(rest, content, name):
    path = "/execution" if b"flow" in content else "/prune"

    reply = rest.post(path, content=content, headers=JSON)

    assert sentence(reply) == f"The request has {name!r} twice. Send it once."


def test_a_retry_takes_what_a_start_takes_of_its_inputs(rest):
    source = "def handler(system, this, *, code: str): pass"
    rest.post("/flow", json={**FLOW, "name": "typed", "source": source})
    start = {"flow": "typed", "run": False, "inputs": {"code": "a"}}
    path = f"/execution/{rest.post('/execution', json=start).json()['execution_id']}"
    rest.post(f"{path}/cancel", json={})
    inputs = {"inputs": {"code": 7, "more": 1}, "texts": {"code": "007"}}

    refusal = rest.post(f"{path}/retry", json=inputs)
    record = rest.post(f"{path}/retry", json={**inputs, "allow_extra": True}).json()

    assert "has no parameter 'more'" in sentence(refusal)
    assert record["inputs"] == {"code": "007", "more": 1}


def test_a_body_of_the_version_before_is_still_taken(rest):
    """What a kernel of that version sends: a flow with all its fields."""
    record = {
        **FLOW, "setup": None, "path": None, "description": None, "on_lost": "run_again",
        "environment": {"interpreter": None, "kernel_name": None, "prefix": None, "cwd": None},
        "cell_timeout": None, "wrappers": [], "is_wrapper": False, "flow_version": "",
        "registered_at": None,
    }  # fmt: skip

    first = rest.post("/flow", json=record)

    assert first.is_success, first.text
    assert rest.post("/flow", json=json.loads(first.text)).is_success
