"""Whose environment variables a flow sees: those of who started it, and nobody else does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import papermill
import psutil
import pytest

from flowkernel.cli import main
from flowkernel.client.client import Client
from flowkernel.core.clock import new_id
from flowkernel.core.errors import BadArgument, ExecutionFailed
from flowkernel.core.variables import MAX_BYTES
from flowkernel.flow_api import Execution
from flowkernel.home import Home
from tests.acceptance.flows import register_cell, start_flow, write_notebook
from tests.acceptance.kernels import servers
from tests.acceptance.test_tokens import OVER_A_KILL, content_of
from tests.conftest import engines_of, kill_engine, until, workers_of

pytestmark = pytest.mark.kernel

NAME = "FLOW_TEST_API_KEY"
MARKER = "marker-7f3a9c51e0"
#: What the kernel has of the variable.
LOOKS = f"import os; this.set_output(length=len(os.environ.get({NAME!r}, '')))"


@pytest.fixture
def ann(own_home: Home, monkeypatch: Any) -> Iterator[Client]:
    """A client of the person who starts the engine, with a short lease."""
    monkeypatch.setenv("FLOWKERNEL_SLOTS", "4")
    monkeypatch.setenv("FLOWKERNEL_LEASE", "2")
    monkeypatch.setenv(NAME, MARKER)
    client = Client(own_home, started_by="ann")
    yield client
    client.close()


def length_seen(execution: Execution) -> int:
    length: int = execution.wait().output["length"]
    return length


def fork_servers(folder: Path) -> list[psutil.Process]:
    """The processes of the fork servers with sockets in a folder."""
    return [psutil.Process(status["pid"]) for status in servers(folder)]


def places_of(home: Home, marker: str = MARKER) -> list[str]:
    """The files of the home with this text in them, relative to it."""
    return [
        str(path.relative_to(home.path))
        for path in sorted(home.path.rglob("*"))
        if path.is_file() and marker.encode() in content_of(path)
    ]


def test_a_run_sees_the_variables_of_who_starts_it(ann, monkeypatch):
    """Not those of who started the engine; and what is exported later is seen."""
    register_cell(ann, "looks", LOOKS)
    assert length_seen(start_flow(ann, "looks")) == len(MARKER)

    monkeypatch.delenv(NAME)
    assert length_seen(start_flow(ann, "looks")) == 0
    monkeypatch.setenv(NAME, "ben")
    assert length_seen(start_flow(ann, "looks")) == len("ben")


def test_a_start_that_brings_no_variables_sees_those_of_nobody(ann):
    register_cell(ann, "looks", LOOKS)
    body = {"flow": "looks", "execution_id": new_id()}

    record = ann.post("/execution", body)

    assert length_seen(Execution(ann, record["execution_id"])) == 0
    assert record["variables"] is None


def test_children_see_the_variables_of_their_root(ann):
    """Not what their parent changed: a retry could not repeat that."""
    register_cell(ann, "looks", LOOKS)
    register_cell(
        ann,
        "parent",
        f"import os\nos.environ[{NAME!r}] = 'changed'\n"
        "child = this.using('retry', max_tries=1).flow('looks')\n"
        "this.set_output(length=child.output['length'])",
    )

    assert length_seen(start_flow(ann, "parent")) == len(MARKER)


def test_what_a_papermill_starts_sees_its_variables(ann, tmp_path):
    register_cell(ann, "looks", LOOKS)
    source = "import flow_api\nflow_api.current().flow('looks')"
    path = write_notebook(tmp_path / "in.ipynb", source)

    papermill.execute_notebook(
        path, tmp_path / "out.ipynb", engine_name="flowkernel", kernel_name="python3"
    )

    [child] = ann.list_executions(flow_name="looks")
    assert child.output == {"length": len(MARKER)}


def test_a_child_whose_values_are_gone_says_which(ann, own_home):
    register_cell(ann, "looks", LOOKS)
    register_cell(
        ann,
        "parent",
        f"import shutil\nshutil.rmtree({str(own_home.environment)!r})\nthis.flow('looks')",
    )

    with pytest.raises(ExecutionFailed, match=f"{NAME}.* values are gone"):
        start_flow(ann, "parent").wait()


def test_values_are_in_one_private_file_while_they_are_needed(
    own_runtime, ann, own_home, tmp_path
):
    """In no row, log, journal, notebook, backup or environment of a process of ours."""
    register_cell(ann, "waits", OVER_A_KILL + LOOKS)
    execution = start_flow(ann, "waits", folder=str(tmp_path))
    until((tmp_path / "ready").exists, description="a running cell")
    ann.sql("SELECT variables FROM execution")
    ann.post("/backup", {})

    [place] = places_of(own_home)
    record = ann.get(f"/execution/{execution.execution_id}")
    ours = [*engines_of(own_home), *workers_of(own_home), *fork_servers(own_runtime)]
    (tmp_path / "go").touch()

    path = own_home.path / place
    assert path.parent == own_home.environment
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (
        0o600,
        0o700,
    )
    assert NAME in record["variables"]["names"]
    assert len(ours) >= 3
    assert [p for p in ours if MARKER in str(p.environ())] == []
    assert length_seen(execution) == len(MARKER)
    until(lambda: places_of(own_home) == [], description="the file is removed")


def test_values_survive_a_kill_of_engine_and_worker(
    ann, own_home, tmp_path, monkeypatch
):
    register_cell(ann, "waits", OVER_A_KILL + LOOKS)
    execution = start_flow(ann, "waits", folder=str(tmp_path))
    until((tmp_path / "ready").exists, description="a running cell")
    (tmp_path / "ready").unlink()
    monkeypatch.setenv(NAME, "another")

    for worker in workers_of(own_home):
        worker.kill()
    kill_engine(own_home)
    ann.get("/engine")
    until((tmp_path / "ready").exists, description="it runs again")
    (tmp_path / "go").touch()

    assert length_seen(execution) == len(MARKER)
    assert execution.get("losses") == 1


def test_a_retry_sees_the_variables_of_who_retries(ann, monkeypatch, capsys):
    register_cell(ann, "fails", f"{LOOKS}\nassert len(os.environ[{NAME!r}]) == 3")
    first = start_flow(ann, "fails")
    with pytest.raises(ExecutionFailed):
        first.wait()
    monkeypatch.setenv(NAME, "ben")
    record = ann.act(first.execution_id, "retry")
    assert length_seen(Execution(ann, record.execution_id)) == 3

    monkeypatch.delenv(NAME)
    main(["execution", "retry", first.execution_id])

    assert f"saw {NAME}. This terminal does not" in capsys.readouterr().err


def test_a_run_whose_values_are_gone_says_which(ann, own_home):
    register_cell(ann, "looks", LOOKS)
    request = {"flow": "looks", "run": False}
    recorded = ann.start(request)
    for path in own_home.environment.iterdir():
        path.unlink()

    ann.act(recorded.execution_id, "run")

    with pytest.raises(ExecutionFailed, match=f"{NAME}.* values are gone"):
        Execution(ann, recorded.execution_id).wait()


def test_a_flow_cannot_send_variables(ann):
    register_cell(ann, "looks", LOOKS)
    register_cell(
        ann,
        "sends",
        "try:\n"
        "    this._client.post('/execution', {'flow': 'looks', 'environ': {'A': 'b'}})\n"
        "except Exception as error:\n"
        "    this.set_output(error=type(error).__name__)",
    )

    assert start_flow(ann, "sends").wait().output == {"error": "NotAllowed"}


def test_variables_that_cannot_be_used_are_refused_without_their_values(ann):
    too_large = {"A": MARKER * (MAX_BYTES // 10)}

    for environ in (too_large, {"A": f"{MARKER}\0"}, {"A": [MARKER]}, MARKER):
        with pytest.raises(BadArgument, match="environ") as refusal:
            ann.post("/execution", {"flow": "looks", "environ": environ})

        assert MARKER not in str(refusal.value)


def test_a_home_says_which_variables_pass(ann, own_home, monkeypatch):
    own_home.prepare()
    (own_home.path / "config.toml").write_text('pass_environment = ["FLOW_TEST_B*"]')
    monkeypatch.setenv("FLOW_TEST_B", "x")
    register_cell(
        ann,
        "looks",
        f"import os\nnames = {NAME!r}, 'FLOW_TEST_B', 'HOME'\n"
        "this.set_output(seen=[name for name in names if name in os.environ])",
    )

    output = start_flow(ann, "looks").wait().output

    assert output == {"seen": ["FLOW_TEST_B", "HOME"]}

    words = ["run", "looks", "-e", NAME, "--env", "FLOW_TEST_B=y"]
    assert main(words) == 0
    [named, _] = ann.list_executions(flow_name="looks")
    assert named.output == {"seen": [NAME, "FLOW_TEST_B", "HOME"]}
