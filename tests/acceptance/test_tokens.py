"""Whose token a kernel has: its execution's, and never that of a person."""

import gzip
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import AttemptIsOver, ExecutionFailed, FlowNotFound
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.flow_api import Execution
from flowkernel.home import EngineFile, Home
from tests.acceptance.flows import register_cell, start_flow, write_notebook
from tests.acceptance.kernels import Kernel, environ, make_manager, servers
from tests.conftest import is_alive, kill_engine, until, workers_of

pytestmark = pytest.mark.kernel

#: Notes every file that this process opens, from now on.
AUDIT = """
import os, sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
"""
#: Ends when the test has killed the engine.
OVER_A_KILL = """
import pathlib, time
pathlib.Path(inputs["folder"], "ready").touch()
while not pathlib.Path(inputs["folder"], "go").exists():
    time.sleep(0.02)
"""
#: What a child process of a kernel does. It has the interpreter, and no context but this.
CHILD_PROCESS = """
import flow_api, flowkernel, json, sys
this = flow_api.current()
child = flowkernel.run("leaf").wait()
this.log("from the child process")
print(json.dumps([child.execution_id, child.output, len(flowkernel.sql("SELECT 1").rows)]))
"""


@pytest.fixture
def crash_client(monkeypatch: Any, own_home: Home) -> Iterator[Client]:
    """A client of an engine for one test, which soon finds out that a worker is lost."""
    monkeypatch.setenv("FLOWKERNEL_SLOTS", "4")
    monkeypatch.setenv("FLOWKERNEL_LEASE", "2")
    client = Client(own_home)
    yield client
    client.close()


def token_of_person(home: Home) -> str:
    engine = EngineFile.read(home)
    assert engine is not None
    return engine.token


def waits_for(client: Client, tmp_path: Path, name: str, source: str) -> Execution:
    """A flow that has begun, and goes on when the file `go` is there."""
    register_cell(client, name, source)
    execution = start_flow(client, name, folder=str(tmp_path))
    until((tmp_path / "ready").exists, description="a running cell")
    return execution


def test_a_flow_never_sees_the_token_of_a_person(crash_client, own_home, tmp_path):
    """Not in its environment, not in a file that is opened for it; also over a kill."""
    register_cell(crash_client, "leaf", "this.set_output(n=1)")
    source = (
        f"{AUDIT}{OVER_A_KILL}"
        "this.flow('leaf')\n"
        "[flow.name for flow in system.flows()]\n"
        "this.set_output(environ=dict(os.environ), opened=opened)"
    )
    execution = waits_for(crash_client, tmp_path, "looks", source)
    tokens = [token_of_person(own_home)]
    kill_engine(own_home)
    (tmp_path / "go").touch()

    output = execution.wait().output
    tokens.append(token_of_person(own_home))

    variables, opened = output["environ"], output["opened"]
    assert not [name for name, value in variables.items() for t in tokens if t in value]
    assert variables["FLOWKERNEL_EXECUTION_TOKEN"] == "***"
    assert "FLOWKERNEL_WORKER_TOKEN" not in variables
    assert [path for path in opened if path.endswith("engine-address")]
    assert not [path for path in opened if path.endswith("engine.json")]


def test_a_token_is_on_no_command_line(crash_client, own_home, tmp_path):
    execution = waits_for(crash_client, tmp_path, "waits", OVER_A_KILL)

    lines = subprocess.check_output(["ps", "-eo", "args"], text=True)
    (tmp_path / "go").touch()

    execution.wait()
    assert "fkw_" not in lines
    assert "fkx_" not in lines


def test_no_token_is_written_into_the_home(crash_client, own_home, tmp_path):
    """Not in the record, a notebook, a log; but for the person's in `engine.json`."""
    register_cell(crash_client, "leaf", "this.log('x'); this.set_output(n=1)")
    register_cell(
        crash_client, "tree", "this.flow('leaf'); this.message('x', wait=False)"
    )
    start_flow(crash_client, "tree").wait()
    crash_client.sql("SELECT count(*) FROM event")
    person = token_of_person(own_home).encode()

    files = [path for path in own_home.path.rglob("*") if path.is_file()]
    contents = {path.name: content_of(path) for path in files}

    assert [
        n for n, text in contents.items() if re.search(rb"fk[wx]_[0-9a-z]", text)
    ] == []
    assert [name for name, text in contents.items() if person in text] == [
        "engine.json"
    ]
    assert [name for name in contents if name.endswith(".duckdb")]


#: Shows its own token in every way that a flow has; one print has it in pieces.
SHOWS_ITS_TOKEN = """
import os, sys
token = os.environ["FLOWKERNEL_EXECUTION_TOKEN"]
print("printed", token)
for piece in (token[:9], token[9:50], token[50:] + "\\n"):
    sys.stderr.write(piece); sys.stderr.flush()
this.log(f"logged {token}")
this.set_output(token=token, **{token: [token]})
this.message("sent", message=token, wait=False)
this.save(status_message=f"saved {token}")
from IPython.display import display
display({"shown": token})
raise RuntimeError(f"failed with {token}")
"""


def test_a_flow_that_shows_its_token_shows_a_mark(crash_client, own_home, tmp_path):
    register_cell(crash_client, "shows", SHOWS_ITS_TOKEN)
    execution = start_flow(crash_client, "shows")
    with pytest.raises(ExecutionFailed, match=r"failed with \*\*\*"):
        execution.wait()
    id_ = execution.execution_id

    record = crash_client.get(f"/execution/{id_}")
    replies = [
        record,
        crash_client.get(f"/execution/{id_}/log"),
        crash_client.get(f"/execution/{id_}/cell_run"),
        crash_client.get("/message"),
        crash_client.sql("SELECT * FROM event")["rows"],
    ]
    texts = [str(reply) for reply in replies]
    texts.append((own_home.path / record["notebook_path"]).read_text())

    assert [text for text in texts if "fkx_" in text] == []
    assert [text.count("***") > 0 for text in texts] == [True] * len(texts)
    assert record["output"] == {"token": "***", "***": ["***"]}
    assert [
        word for word in ("printed ***", "logged ***") if word not in texts[1]
    ] == []
    assert hidden_places(own_home) == []


def hidden_places(home: Home) -> list[str]:
    """The files of a home that have a token of a worker or an execution."""
    files = [path for path in home.path.rglob("*") if path.is_file()]
    return [p.name for p in files if re.search(rb"fk[wx]_[0-9a-z]", content_of(p))]


def test_a_refusal_hides_the_token_of_a_person(client, home):
    """Also where a request had it in a wrong place."""
    token = token_of_person(home)

    with pytest.raises(FlowNotFound) as refusal:
        client.get_flow(f"my {token}")

    assert token.startswith("fkp_")
    assert "my ***" in str(refusal.value)


def content_of(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def test_no_fork_server_has_the_token_of_a_flow(own_runtime):
    """It goes on when the flow has ended, and makes kernels for others."""
    variables = environ(FLOWKERNEL_EXECUTION_TOKEN="fkx_1")
    kernel = Kernel(make_manager("fork"), env=variables)

    try:
        [server] = servers(own_runtime)
        token = kernel.ask("__import__('os').environ['FLOWKERNEL_EXECUTION_TOKEN']")
        assert (kernel.is_forked, token) == (True, "fkx_1")
        assert "fkx_1" not in str(psutil.Process(server["pid"]).environ())
    finally:
        kernel.close()


def test_a_worker_that_an_older_engine_started_goes_on(crash_client, own_home):
    """It has no token of its own, and sends that of the person."""
    crash_client.get("/engine")
    worker_id = f"worker-{new_id()}"
    words = [sys.executable, "-P", "-m", "flowkernel.worker", str(own_home.path)]
    with subprocess.Popen([*words, worker_id]) as worker:
        until(lambda: crash_client.get("/engine")["workers"], description="its poll")
        register_cell(
            crash_client,
            "old",
            "import os; this.set_output(t=os.environ['FLOWKERNEL_EXECUTION_TOKEN'][:4])",
        )

        execution = start_flow(crash_client, "old").wait()
        worker.kill()

    assert execution.get("worker") == worker_id
    assert execution.output == {"t": "fkx_"}


def test_a_child_process_of_a_kernel_acts_as_its_execution(client, register, run):
    register("leaf", "this.set_output(n=1)")
    register(
        "parent",
        "import json, subprocess, sys\n"
        f"words = [sys.executable, '-W', 'error', '-c', {CHILD_PROCESS!r}]\n"
        "this.set_output(reply=json.loads(subprocess.check_output(words)))",
    )

    parent = run("parent")

    child_id, output, rows = parent.output["reply"]
    child = client.get_execution(child_id)
    assert (child.parent_id, output, rows) == (parent.execution_id, {"n": 1}, 1)
    assert child.started_by == f"execution {parent.execution_id}"
    assert "from the child process" in [
        event.payload["text"].strip() for event in client.log(parent.execution_id)
    ]


def test_a_command_in_a_flow_starts_a_child_of_the_flow(client, register, run):
    register("leaf", "this.set_output(n=1)")
    register(
        "commands",
        "import subprocess, sys\n"
        "words = [sys.executable, '-m', 'flowkernel', 'run', 'leaf', '--json']\n"
        "subprocess.check_output(words)\n"
        "stop = [sys.executable, '-m', 'flowkernel', 'engine', 'stop', '--force']\n"
        "result = subprocess.run(stop, capture_output=True, text=True)\n"
        "this.set_output(code=result.returncode, sentence=result.stderr)",
    )

    parent = run("commands")

    [child] = parent.children
    assert (child.get("flow_name"), child.status) == ("leaf", S.ENDED_SUCCESS)
    assert parent.output["code"] == 2
    assert "does not allow POST /engine/stop" in parent.output["sentence"]


def test_a_flow_that_wants_to_act_as_a_person_gets_a_sentence(client, register, run):
    register(
        "wants",
        "sentences = []\n"
        "for path, body in inputs['requests']:\n"
        "    try:\n"
        "        system._client.post(path, body)\n"
        "    except Exception as error:\n"
        "        sentences.append(f'{type(error).__name__}: {error}')\n"
        "this.set_output(sentences=sentences)",
    )
    requests = [
        ["/engine/stop", {"force": True}],
        ["/prune", {"keep": 0}],
        ["/backup", None],
        ["/message/00000000-0000-4000-8000-000000000000/answer", {"response": {}}],
    ]

    sentences = run("wants", requests=requests).output["sentences"]

    assert len(sentences) == len(requests)
    for (path, _), sentence in zip(requests, sentences, strict=True):
        assert sentence.startswith("NotAllowed: The token of execution")
        assert f"does not allow POST {path}" in sentence


def test_what_the_kernel_of_a_lost_worker_still_sends_is_refused(
    crash_client, own_home, tmp_path
):
    """The new kernel goes on as if the old one did not speak."""
    register_cell(crash_client, "leaf", "this.set_output(n=1)")
    source = (
        "import os, pathlib\n"
        "tokens = pathlib.Path(inputs['folder'], 'tokens')\n"
        "with tokens.open('a') as file:\n"
        "    file.write(os.environ['FLOWKERNEL_EXECUTION_TOKEN'] + '\\n')\n"
        f"{OVER_A_KILL}"
        "this.set_output(by='the new kernel')"
    )
    execution = waits_for(crash_client, tmp_path, "lost", source)
    [worker] = workers_of(own_home)
    os.kill(worker.pid, signal.SIGKILL)
    tokens = tmp_path / "tokens"
    until(lambda: len(tokens.read_text().splitlines()) == 2, description="attempt 2")
    old = Client(own_home, token=tokens.read_text().splitlines()[0])
    path = f"/execution/{execution.execution_id}"

    sends: list[Callable[[], Any]] = [
        lambda: old.post(f"{path}/output", {"output": {"by": "the old kernel"}}),
        lambda: old.post(f"{path}/log", {"text": "from the old kernel"}),
        lambda: old.post(f"{path}/message", {"subject": "x", "wait": False}),
        lambda: old.start({"flow": "leaf", "parent_id": execution.execution_id}),
    ]
    for send in sends:
        with pytest.raises(AttemptIsOver, match="attempt 1 of 'lost'; attempt 2 runs"):
            send()
    (tmp_path / "go").touch()

    assert execution.wait().output == {"by": "the new kernel"}
    assert execution.children == []
    assert crash_client.get("/message") == []
    started = crash_client.sql(
        "SELECT payload->>'attempt' FROM event WHERE kind = 'started' ORDER BY seq"
    )
    assert started["rows"] == [["1"], ["2"]]
    old.close()


def test_with_a_new_key_the_run_begins_again(crash_client, own_home, tmp_path):
    """Whoever deletes `token-key` ends the tokens: the worker drops what it runs."""
    execution = waits_for(crash_client, tmp_path, "keyless", OVER_A_KILL)
    [worker] = workers_of(own_home)
    own_home.token_key.unlink()
    kill_engine(own_home)
    crash_client.get("/engine")

    until(lambda: not is_alive(worker), seconds=60)
    (tmp_path / "go").touch()

    assert execution.wait().status is S.ENDED_SUCCESS
    assert crash_client.get_execution(execution.execution_id).losses == 1


def test_a_papermill_in_a_flow_has_tokens_of_its_own(client, register, run, tmp_path):
    """It is a child of the flow, and its kernel starts children of its own."""
    register("leaf", "this.set_output(n=1)")
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = write_notebook(
        tmp_path / "inner.ipynb", "this.flow('leaf')", kernelspec=spec
    )
    register(
        "outer",
        "import papermill\n"
        f"papermill.execute_notebook({str(notebook)!r}, None, engine_name='flowkernel')",
    )

    outer = run("outer")

    assert outer.status is S.ENDED_SUCCESS
    [inner] = outer.children
    [leaf] = inner.children
    assert inner.get("worker").startswith("papermill-")
    assert leaf.get("started_by") == f"execution {inner.execution_id}"
