"""The errors for wrong requests: what happened, the wrong value, what to do."""

import json
import math
import re
import sys
from contextlib import suppress

import httpx
import nbformat
import pytest

from flowkernel.client.client import Client
from flowkernel.client.flow_source import start_request
from flowkernel.core.errors import (
    BadArgument,
    BadName,
    BadValue,
    FileMissing,
    FlowNotFound,
    NotANotebook,
    RequestError,
    Unauthorized,
    ValueTooBig,
)
from flowkernel.core.models import Environment, Flow, FlowKind
from flowkernel.home import EngineFile

JSON = {"content-type": "application/json"}
NOTEBOOK = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}


@pytest.fixture
def rest(home, client):
    """Talks to the engine itself, with its token."""
    engine = EngineFile.read(home)
    headers = {"Authorization": f"Bearer {engine.token}"}
    with httpx.Client(
        base_url=f"{engine.url}/api/latest", headers=headers, timeout=30
    ) as rest:
        yield rest


@pytest.fixture
def refused(rest):
    """POST a body that is refused; the status, the code and the sentence."""

    def refused(path, **body):
        answer = rest.post(path, json=body)
        assert set(answer.json()) == {"code", "message"}
        return answer.status_code, answer.json()["code"], answer.json()["message"]

    return refused


def flow(name, source="x = 1", **fields):
    environment = Environment(interpreter=sys.executable)
    values = {"kind": FlowKind.CELL, "environment": environment, **fields}
    return Flow(name=name, source=source, **values)


# -- names -----------------------------------------------------------------------------------


def test_the_error_for_an_unknown_flow_has_the_nearest_name(client, refused):
    client.register(flow("monthly_report"))

    with pytest.raises(
        FlowNotFound, match=r"named 'montly_report'\. Did you mean 'monthly_r"
    ):
        client.start(start_request("montly_report", {}))
    assert refused("/execution", flow="montly_report")[:2] == (404, "FlowNotFound")


def test_the_error_for_an_unknown_flow_says_where_to_look(client):
    with pytest.raises(FlowNotFound, match="`flowkernel flow list`"):
        client.get_flow("zzz")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "The name of the flow is empty"),
        ("  ", "The name of the flow is empty"),
        ("reports/daily", r"'reports/daily' has the character '/'"),
        ("reports\\daily", "'reports.*daily' has the character"),
        ("../../etc/passwd", "has the character '/'"),
        ("a\nb", r"has the character '\\n'"),
        ("a\x00b", r"has the character '\\x00'"),
        ("a\u202eb", r"has the character '\\u202e'"),
        ("x" * 300, "has 300 characters; at most 128 are allowed. Choose a shorter"),
    ],
)
def test_invalid_names(client, name, says):
    client.register(flow("f"))

    with pytest.raises(BadName, match=says):
        client.register(flow(name))
    with pytest.raises(BadName):
        client.start({"flow": "f", "name": name or " "})


def test_a_flow_without_source(client):
    with pytest.raises(BadArgument, match="'empty' has no source: the cell is empty"):
        client.register(flow("empty", " \n"))


def test_a_flow_that_is_its_own_setup(client):
    client.register(flow("loop"))

    with pytest.raises(BadArgument, match="'loop' cannot be its own setup"):
        client.register(flow("loop", setup="loop"))


@pytest.mark.parametrize("seconds", [0, -1.5, math.inf])
def test_an_invalid_cell_timeout(rest, seconds):
    body = {**flow("f").to_json(), "cell_timeout": seconds}

    answer = rest.post("/flow", content=json.dumps(body), headers=JSON)

    assert answer.status_code == 400
    assert "cell_timeout" in answer.json()["message"]


# -- ids -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("id_", "says"),
    [
        (
            "nope",
            "There is no run 'nope' in this home. `flowkernel execution list`",
        ),
        ("0" * 36, "There is no run '0000"),
        ("..", "'..' is too short for an id. Give at least 4"),
        ("a b", "'a b' is too short for an id"),
        ("é", "'é' is too short for an id"),
        ("'; drop", 'There is no run "\'; drop"'),
        ("../flow", "There is no GET /api/latest/execution/../flow."),
        ("%2e%2e", "There is no run '%2e%2e'"),
    ],
)
def test_unknown_execution_ids(client, id_, says):
    with pytest.raises(RequestError, match=re.escape(says)):
        client.get_execution(id_)


@pytest.mark.parametrize(
    "path", ["/flow/../../etc/passwd", "/flow/%2e%2e%2fx", "/nothing"]
)
def test_unknown_paths(rest, path):
    answer = rest.get(path)

    assert (answer.status_code, set(answer.json())) == (404, {"code", "message"})


def test_the_error_for_a_wrong_method_says_where_to_look(rest):
    answer = rest.put("/flow")

    assert answer.status_code == 405
    assert answer.json()["message"] == (
        "There is no PUT /api/latest/flow. This path takes GET, HEAD, OPTIONS, POST."
    )


def test_an_invalid_execution_id(refused):
    status, code, message = refused("/execution", flow="f", execution_id="../../x")

    assert (status, code) == (400, "BadArgument")
    assert "execution_id" in message


def test_nothing_to_start(refused):
    assert refused("/execution")[2] == "Say what to start: `flow` (a name) or `source`."


# -- files -----------------------------------------------------------------------------------


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(
        FileMissing, match=r"no file 'absent\.ipynb' \(looked for '/.*Check the"
    ):
        start_request("absent.ipynb", {})


@pytest.mark.parametrize("target", ["folder.ipynb", "folder.py"])
def test_a_folder(tmp_path, target):
    (tmp_path / target).mkdir()

    with pytest.raises(FileMissing, match=r"is a folder\. Name a file in it"):
        start_request(target, {})


def test_a_file_that_is_neither(tmp_path):
    (tmp_path / "notes.txt").write_text("x")

    with pytest.raises(
        BadArgument, match=r"neither a notebook \(\.ipynb\) nor a script"
    ):
        start_request("./notes.txt", {})


@pytest.mark.parametrize("target", ["a\0b.py", "x" * 5_000 + ".py", "job.py/under.py"])
def test_an_invalid_path(tmp_path, target):
    (tmp_path / "job.py").write_text("x = 1")

    with pytest.raises(RequestError, match="cannot be"):
        start_request(target, {})


def test_a_script_that_is_not_text(tmp_path):
    (tmp_path / "job.py").write_bytes(b"x = '\xff'")

    with pytest.raises(BadArgument, match=r"'job\.py' is not text in UTF-8"):
        start_request("job.py", {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is empty"),
        ("  \n", "it is empty"),
        ("{", "it is not JSON"),
        ("[]", "it has no `nbformat` number"),
        ('"text"', "it has no `nbformat` number"),
        ("{}", "it has no `nbformat` number"),
        (json.dumps({**NOTEBOOK, "nbformat": "4"}), "it has no `nbformat` number"),
        (json.dumps({"nbformat": 4, "metadata": {}}), "it has no list of `cells`"),
        (json.dumps({**NOTEBOOK, "cells": {}}), "it has no list of `cells`"),
        (json.dumps({**NOTEBOOK, "cells": ["x = 1"]}), "it has no list of `cells`"),
        (
            json.dumps({**NOTEBOOK, "cells": [{"cell_type": "code"}]}),
            "cell 1 of all, Markdown included, has no `source`",
        ),
        (
            json.dumps({**NOTEBOOK, "cells": [{"source": "x"}]}),
            "cell 1 of all, Markdown included, has no `cell_type`",
        ),
        (
            json.dumps(
                {
                    **NOTEBOOK,
                    "cells": [{"cell_type": "raw", "source": "", "metadata": 1}],
                }
            ),
            "has `metadata` that is not an object",
        ),
        (
            json.dumps(
                {**NOTEBOOK, "cells": [{"cell_type": "code", "source": "'\ud800'"}]}
            ),
            "not valid Unicode",
        ),
        (
            json.dumps({**NOTEBOOK, "metadata": {"kernelspec": {"name": 3}}}),
            "the name of its kernel is 3",
        ),
        ("[" * 100_000, "it is nested too deeply"),
    ],
)
def test_files_that_are_not_notebooks(tmp_path, refused, content, reason):
    (tmp_path / "book.ipynb").write_text(content)

    with pytest.raises(
        NotANotebook, match=r"'book\.ipynb' is not a Jupyter.*" + reason
    ):
        start_request("book.ipynb", {})
    source = {"name": "book", "kind": "NOTEBOOK", "source": content}
    assert refused("/execution", source=source)[:2] == (400, "NotANotebook")


def test_a_notebook_that_is_not_text(tmp_path):
    (tmp_path / "book.ipynb").write_bytes(b"\x89PNG\r\n\x1a\n\xff")

    with pytest.raises(NotANotebook, match="it is not text"):
        start_request("book.ipynb", {})


def test_a_notebook_of_a_newer_format(tmp_path, client):
    (tmp_path / "book.ipynb").write_text(json.dumps({**NOTEBOOK, "nbformat": 99}))

    with pytest.raises(NotANotebook, match="format 99"):
        start_request("book.ipynb", {})


# -- inputs ----------------------------------------------------------------------------------


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.nan, r"inputs\['day'\] is nan, which JSON does not have. Use None."),
        (-math.inf, r"inputs\['day'\] is -inf, which JSON does not have"),
        ({1, 2}, r"inputs\['day'\] is of type set, which is not JSON. Pass text"),
        (object(), r"inputs\['day'\] is of type object"),
        (b"x", r"inputs\['day'\] is of type bytes"),
        ([{"a": 1j}], r"inputs\['day'\]\[0\]\['a'\] is of type complex"),
        ({1: 2}, r"inputs\['day'\] has the key 1; in JSON every key is text. Use '1'"),
        ("\ud800", r"inputs\['day'\] has characters that are not valid Unicode"),
        ({"\ud800": 1}, r"a key of inputs\['day'\] has characters"),
        (nested(200), "is nested more than 100 levels deep"),
        (nested(100_000), "is nested more than 100 levels deep"),
    ],
)
def test_inputs_that_are_not_json(value, says):
    with pytest.raises(BadValue, match=says):
        start_request("f", {"day": value})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"flow": "f", "inputs": {"day": NaN}}',
            "inputs['day'] is not a finite number",
        ),
        ('{"flow": "f", "inputs": {"day": "\\ud800"}}', "not valid Unicode text"),
        ('{"flow": "f", "inputs": [1]}', "it must be an object of names and values"),
        ('{"flow": "f", "inputs": 3}', "inputs is 3; it must be an object"),
        ('{"flow": "f", "inputs": ' + "[" * 500 + "]" * 500 + "}", "100 levels deep"),
        ('{"flow": "f", "inputs": {}, "more": 1}', "there is no field 'more'"),
        ("{", "The body of the request is not JSON in UTF-8"),
        ('{"flow": "f", "inputs": ' + "[" * 100_000, "100 levels deep"),
        (b"\xff", "The body of the request is not JSON in UTF-8"),
    ],
)
def test_bodies_that_are_not_json(rest, client, text, says):
    client.register(flow("f"))

    answer = rest.post("/execution", content=text, headers=JSON)

    assert (answer.status_code, set(answer.json())) == (400, {"code", "message"})
    assert says.replace("\\", "") in answer.json()["message"]


def test_inputs_that_are_too_big(client, refused):
    client.register(flow("f"))
    inputs = {"small": 1, "big": "x" * 2_000_000}

    with pytest.raises(
        ValueTooBig, match=r"limit is 1,048,576\. .*inputs\['big'\] with 2,000,002"
    ):
        start_request("f", inputs)
    status, code, message = refused("/execution", flow="f", inputs=inputs)
    assert (status, code) == (413, "ValueTooBig")
    assert "inputs['big']" in message


def test_inputs_at_the_limit(client):
    client.register(flow("f"))
    inputs = {"a": "x" * (1024 * 1024 - len('{"a":""}'))}

    execution = client.start({**start_request("f", inputs), "run": False})

    assert execution.inputs == inputs


def test_an_output_that_is_too_big(client, refused):
    client.register(flow("f"))
    execution = client.start({"flow": "f", "run": False})
    path = f"/execution/{execution.execution_id}/output"

    assert refused(path, output={"a": "x" * 2_000_000})[:2] == (413, "ValueTooBig")


@pytest.mark.kernel
def test_a_body_of_a_hundred_megabytes(rest, client):
    body = b'{"flow": "f", "inputs": {"a": "' + b"x" * (105 * 1024 * 1024) + b'"}}'

    answer = rest.post("/execution", content=body)

    assert (answer.status_code, answer.json()["code"]) == (413, "ValueTooBig")
    assert "the limit is 100,663,296" in answer.json()["message"]
    assert client.get("/engine")["pid"] > 0


@pytest.mark.kernel
def test_a_body_of_a_hundred_megabytes_through_the_client(client):
    source = {"name": "f", "kind": "CELL", "source": "#" * (105 * 1024 * 1024)}

    with pytest.raises(ValueTooBig, match="the limit is 100,663,296"):
        client.start({"source": source})


def test_a_body_that_does_not_say_its_length(rest, client):
    pid, pieces = client.get("/engine")["pid"], iter(range(2_000))

    with suppress(httpx.WriteError):  # The answer may come while there is more to send.
        content = (b" " * 65_536 for _ in pieces)
        answer = rest.post("/execution", content=content, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (413, "ValueTooBig")

    assert next(pieces, None) is not None, "it took all of it"
    assert client.get("/engine")["pid"] == pid


def test_a_body_without_the_content_type_of_json(rest):
    answer = rest.post("/execution", content=b'{"flow": "f"}')

    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.json()["message"]


def test_a_source_over_the_limit(refused):
    source = {"name": "f", "kind": "CELL", "source": "#" * (64 * 1024 * 1024 + 1)}

    assert "the limit is 67,108,864" in refused("/execution", source=source)[2]


# -- the token -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/api/latest/engine", "/nothing", "/"]
)
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "bearer {token}x"],
)
def test_a_wrong_token_gets_only_an_error(home, client, path, header):
    engine = EngineFile.read(home)
    headers = (
        {} if header is None else {"Authorization": header.format(token=engine.token)}
    )

    answer = httpx.get(engine.url + path, headers=headers)

    assert answer.status_code == 401
    assert answer.json() == {"code": "Unauthorized", "message": str(Unauthorized())}
    assert set(answer.headers) <= {
        "content-type", "content-length", "www-authenticate", "date", "server"
    }  # fmt: skip


def test_a_client_finds_its_way_back_from_a_wrong_token(home, client):
    engine = EngineFile.read(home)
    record = json.loads(home.engine_file.read_text())
    home.engine_file.write_text(json.dumps({**record, "token": "wrong"}))

    assert Client(home).get("/engine")["pid"] == engine.pid


def test_a_notebook_is_what_nbformat_writes(tmp_path, client):
    """The checks above are not so strict that they refuse what is right."""
    cells = [nbformat.v4.new_code_cell("x = 1"), nbformat.v4.new_markdown_cell("# x")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "book.ipynb")

    assert (
        client.start({**start_request("book.ipynb", {}), "run": False}).flow_name
        == "book"
    )
