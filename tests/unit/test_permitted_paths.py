"""What the panel may ask of the engine, and what the server says instead of the page."""

import json
from dataclasses import fields
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.errors import all_errors
from flowkernel.engine.api.permissions import PERMISSIONS
from flowkernel.engine.start_plan import StartRequest
from flowkernel.server_extension.file_handlers import START_FIELDS
from flowkernel.server_extension.panel_refusal import PanelRefusal
from flowkernel.server_extension.permitted_paths import (
    PERMITTED,
    engine_body,
    engine_query,
    permitted,
)

ID = "01a2205a-56ec-7071-999e-be159fcdf789"
ENVIRON = {"environ": {"PATH": "/bin"}}


def body(method, path, content):
    route, _path = permitted(method, path)
    text = engine_body(
        route, json.dumps(content).encode(), person="ada", environ=ENVIRON
    )
    return text and json.loads(text)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "worker/x/poll"),
        ("POST", f"worker/{ID}/report"),
        ("POST", "prune"),
        ("POST", "backup"),
        ("POST", "compact"),
        ("POST", "engine/stop"),
        ("GET", "event"),
        ("GET", "execution/change/stream"),
        ("POST", f"execution/{ID}/output"),
        ("POST", f"execution/{ID}/message"),
        ("POST", f"execution/{ID}/decide"),
        ("POST", f"execution/{ID}/wait"),
        ("GET", "openapi.json"),
        ("GET", ""),
    ],
)
def test_what_is_not_for_the_panel_is_refused(method, path):
    with pytest.raises(PanelRefusal) as refusal:
        permitted(method, path)

    assert refusal.value.status_code in (404, 405)


def test_the_code_for_another_method_is_that_of_no_error():
    """`NotAllowed` is what a token does not allow, with another status."""
    with pytest.raises(PanelRefusal, match="405") as refusal:
        permitted("DELETE", "flow")

    assert refusal.value.code == "MethodNotAllowed"
    assert refusal.value.message == "DELETE is not for this path; it takes GET, POST."
    assert refusal.value.code not in all_errors()


def test_a_file_is_started_with_fields_that_the_engine_takes():
    assert {field.name for field in fields(StartRequest)} >= START_FIELDS


def test_a_run_is_run_again_with_other_inputs():
    using = [{"name": "interactive", "inputs": {}}]
    content = {"clone_of": ID, "inputs": {"day": "tuesday"}, "using": using}

    assert body("POST", "execution", content).items() >= content.items()


@pytest.mark.parametrize(
    "path",
    [
        "flow/..",
        "flow/%2e%2e",
        "flow/..%2fengine%2fstop",
        "flow/a%2fb",
        "flow/a%5cb",
        "flow//a",
        "/flow",
        "flow/",
        "flow/./a",
        "flow/a%00",
        "flow/a%0d%0aX-Evil: 1",
        "flow/%ff",
        "flow/" + "a" * 3_000,
        "execution/../worker/x/poll",
        "%66low/../event",
    ],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path):
    with pytest.raises(PanelRefusal, match="404"):
        permitted("GET", path)


@given(st.text(max_size=40))
@settings(max_examples=50)
def test_no_path_leads_out_of_the_table(path):
    try:
        route, sent = permitted("GET", path)
    except PanelRefusal:
        return
    assert route.fits(path.split("/")) or "%" in path
    assert len(sent.split("/")) == len(route.pattern.split("/"))
    assert sent.isascii()


@given(st.text(min_size=1, max_size=50))
@settings(max_examples=50)
def test_a_name_arrives_as_it_is_or_not_at_all(name):
    try:
        _route, path = permitted("GET", f"flow/{quote(name, safe='')}")
    except PanelRefusal:
        return
    assert unquote(path) == f"flow/{name}"


def test_each_route_of_the_panel_is_one_of_the_engine():
    engine_routes = {
        "/".join("*" if word.startswith("{") else word for word in route.split("/"))
        for route in PERMISSIONS
    }
    own = {f"{route.method} /{route.pattern}" for route in PERMITTED}

    for_people = {
        "PATCH /flow/*",
        "POST /message/*/answer",
        "GET /engine",
        "DELETE /flow/*",
    }
    assert own - for_people <= engine_routes


def test_the_server_says_who_starts_whatever_the_page_says():
    sent = body("POST", "execution", {"flow": "f", "started_by": "mallory"})

    assert sent.pop("execution_id")
    assert sent == {"flow": "f", "started_by": "ada (panel)", **ENVIRON}


def test_the_server_says_who_answers_and_from_where():
    answer = {"response": {}, "answered_by": "mallory", "answered_from": "moon"}

    sent = body("POST", f"message/{ID}/answer", answer)

    assert (sent["answered_by"], sent["answered_from"]) == ("ada", "panel")
    assert sent["answer_id"]


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "run", "retry"])
def test_the_server_says_who_acts(verb):
    sent = body("POST", f"execution/{ID}/{verb}", {})

    assert sent["started_by"] == "ada (panel)"


@pytest.mark.parametrize("name", ["worker", "wrapped_of", "parent_id", "environ"])
def test_a_page_does_not_send_what_only_processes_send(name):
    """With `worker` the response would have tokens."""
    with pytest.raises(PanelRefusal) as refusal:
        body("POST", "execution", {"flow": "f", name: "x"})

    assert name in refusal.value.message


def test_an_id_of_the_page_is_kept_so_that_it_can_send_again():
    sent = body("POST", "execution", {"flow": "f", "execution_id": ID})

    assert sent["execution_id"] == ID


@pytest.mark.parametrize("content", [b"[]", b"1", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(content):
    route, _path = permitted("POST", "execution")

    with pytest.raises(PanelRefusal) as refusal:
        engine_body(route, content, person="ada", environ={})

    assert refusal.value.status_code == 400


def test_what_is_for_jupyter_does_not_reach_the_engine():
    query = "limit=5&token=secret&_xsrf=x&no_track_activity=1&1764300000000&since=a%2Bb"

    assert engine_query(query) == "limit=5&since=a%2Bb"


def test_a_query_without_end_is_no_fault_of_the_server():
    with pytest.raises(PanelRefusal, match="400"):
        engine_query("&".join(f"a{number}=1" for number in range(101)))


def test_what_only_reads_is_no_sign_of_a_person():
    """The panel sends it by itself, also while nobody sits before it."""
    by_itself = {route.pattern for route in PERMITTED if route.only_reads}
    by_hand = {route.pattern for route in PERMITTED if not route.only_reads}

    assert {"execution/*/log", "sql"} <= by_itself
    assert {"message/*/answer", "execution/*/cancel"} <= by_hand
    assert all(route.only_reads for route in PERMITTED if route.method == "GET")


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "execution", "read"),
        ("POST", "sql", "read"),
        ("POST", "execution", "execute"),
        ("POST", f"execution/{ID}/run", "execute"),
        ("POST", f"execution/{ID}/retry", "execute"),
        ("POST", f"message/{ID}/answer", "execute"),
        ("POST", f"execution/{ID}/cancel", "write"),
        ("POST", "flow", "write"),
        ("DELETE", f"execution/{ID}", "write"),
    ],
)
def test_who_may_write_may_not_run_code_by_that(method, path, action):
    route, _path = permitted(method, path)

    assert route.action == action
