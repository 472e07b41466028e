"""A folder for temporary files with a long path, and a home that others can look into."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowkernel.client.client import Client
from flowkernel.core.status import ReturnWhen
from flowkernel.home import Home
from flowkernel.kernels.fork_server.socket_folders import private_folder
from tests.acceptance.flows import INTERACTIVE, answer, open_prompt, start_flow
from tests.acceptance.kernels import kill, servers
from tests.conftest import until, workers_of

pytestmark = pytest.mark.kernel

FLOW = """
import os, tempfile, ipykernel
with open("written by the flow", "w"):
    pass
path = ipykernel.get_connection_file()
this.set_output(temporary=tempfile.gettempdir(), connection=path, parent=os.getppid())
"""


@pytest.fixture
def client(own_home: Home) -> Iterator[Client]:
    """A client of a home whose engine starts with the first request."""
    with closing(Client(own_home, started_by="ada (notebook)")) as client:
        client.channel = "notebook"
        yield client


def take_long_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> Path:
    """Make a variable name a folder whose path has 150 characters."""
    folder = tmp_path / ("x" * (149 - len(str(tmp_path))))
    folder.mkdir()
    monkeypatch.setenv(variable, str(folder))
    return folder


def test_flows_are_forked_and_continued_if_the_folder_for_temporary_files_is_long(
    monkeypatch, tmp_path, own_runtime, own_home, register, client
):
    folder = take_long_folder(monkeypatch, tmp_path, "TMPDIR")
    register("where", f"total = missing\n{FLOW}")

    execution = start_flow(client, "where", using=INTERACTIVE)
    answer(client, open_prompt(client, execution), retry_cell=True, source=FLOW)

    output: dict[str, Any] = execution.wait().load("output")
    assert output["temporary"] == str(folder)
    assert len(output["connection"]) <= 107
    assert output["parent"] in {server["pid"] for server in servers(own_runtime)}
    [worker] = workers_of(own_home)
    path = Path(output["connection"]).parent
    names = [path.name, f"flowkernel-{worker.pid}-*"]
    until(lambda: not any(list(path.parent.glob(name)) for name in names))
    assert "fork server" not in (own_home.log / "worker.log").read_text()


def test_flows_are_forked_if_the_folder_for_what_runs_is_long(
    monkeypatch, tmp_path, register, run
):
    take_long_folder(monkeypatch, tmp_path, "JUPYTER_RUNTIME_DIR")
    register("where", FLOW)
    try:
        output = run("where").load("output")

        pids = {server["pid"] for server in servers(private_folder())}
        assert output["parent"] in pids
    finally:
        for server in servers(private_folder()):
            if server["pid"] == output["parent"]:
                kill(server["pid"])


def test_in_a_folder_that_was_there_others_read_nothing_of_a_run(
    tmp_path, own_home, register, run
):
    for folder in (own_home.path, own_home.notebooks, own_home.log):
        folder.mkdir()
        folder.chmod(0o755)
    mask = os.umask(0o022)
    try:
        register("where", FLOW)
        execution = run("where")
    finally:
        os.umask(mask)

    assert execution.wait(ReturnWhen.ALL_ENDED).load("status") == "ENDED_SUCCESS"
    paths = [path for path in own_home.path.rglob("*") if path.stat().st_mode & 0o077]
    assert set(paths) == {own_home.notebooks, own_home.log}
    assert list(own_home.notebooks.rglob("*.ipynb"))
    assert (own_home.log / "worker.log").exists()
    assert (tmp_path / "written by the flow").stat().st_mode & 0o777 == 0o644
