"""The notebooks of other packages' own tests, in three ways: what differs, and why.

The ways are papermill with its own engine, papermill with ours, and `flowkernel run`. All three
take forked kernels, which are like plain ones (`test_forked_processes.py`) and start fast.
"""

import importlib.metadata
import json
import re
import shutil

import nbformat
import pytest

from flowkernel.client.flow_source import read_source
from flowkernel.core.errors import FlowkernelError
from flowkernel.core.models import Flow
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.flow_api import Execution, ReturnWhen
from tests.acceptance.kernels import warm_fork_server
from tests.acceptance.sdists import unpacked_sdist
from tests.acceptance.side_by_side import join_streams, run_papermill, with_this_python

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.timeout(600),
    # Some notebooks are of old formats, or have cells without ids.
    pytest.mark.filterwarnings("ignore"),
]

SECONDS = 60  #: Time limit of a cell.
TIMES = re.compile(r"(?m)^(CPU times|Wall time): .*$")  #: What `%time` prints.
NO_KERNEL = "NoSuchKernel"  #: papermill's word for what we say in a sentence.
#: The version whose notebooks are taken, and where in its source distribution they are.
PACKAGES = {
    "nbconvert": (importlib.metadata.version("nbconvert"), "tests"),
    "jupytext": (importlib.metadata.version("jupytext"), "tests/data/notebooks/inputs"),
    "scrapbook": ("0.5.0", "scrapbook/tests/notebooks"),
}
#: Where the ways differ, and why that is right.
DIFFERENCES: dict[str, str] = {}


@pytest.fixture(scope="module", autouse=True)
def _forked(runtime):
    with warm_fork_server(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "flowkernel-fork")
        yield


@pytest.fixture
def notebooks(request, tmp_path):
    """Copies of the notebooks of a package, in a folder of their own, by their paths."""
    package = request.param
    version, folder = PACKAGES[package]
    source = unpacked_sdist(request.config.cache, package, version) / folder
    target = tmp_path / package
    shutil.copytree(source, target)
    return package, sorted(target.rglob("*.ipynb"))


def outputs(notebook):
    """The outputs of each code cell, without times; of a picture only its type."""
    cells = notebook.cells if notebook is not None else []
    code = [cell for cell in cells if cell.cell_type == "code"]
    return [list(map(_bare, join_streams(cell.outputs))) for cell in code]


def _bare(output):
    if "data" in output:
        kinds = {kind: "" for kind in output["data"] if kind.startswith("image/")}
        output = {**output, "data": {**output["data"], **kinds}}
    if "text" in output:
        output = {**output, "text": TIMES.sub("TIME", output["text"])}
    return output


def by_papermill(path, engine, folder):
    error, notebook = run_papermill(
        path, folder / f"{engine}.ipynb", engine, execution_timeout=SECONDS
    )
    name = getattr(error, "ename", None) or (type(error).__name__ if error else "ok")
    return name, outputs(notebook)


def by_flowkernel(path, client):
    """The same of `flowkernel run`."""
    try:
        flow = {**read_source(str(path)), "cell_timeout": SECONDS}
        client.register(Flow.from_json(flow))
        started = client.start({"flow": flow["name"]})
    except FlowkernelError as error:
        return type(error).__name__, []
    execution = Execution(client, started.execution_id).wait(ReturnWhen.ALL_ENDED)
    error = execution.get("error")
    name = error["name"] if error else execution.get("message")
    if execution.status is S.ENDED_SUCCESS:
        name = "ok"
    notebook = execution.notebook
    is_there = notebook is not None and notebook.exists()
    return name, outputs(nbformat.read(notebook, 4) if is_there else None)


def recorded(client, known):
    """How the runs that were recorded since have ended."""
    executions = client.list_executions(limit=5)
    return [e.status.label for e in executions if e.execution_id not in known]


def differences(path, client, folder):
    """What differs between the three ways, in words."""
    expected = by_papermill(path, None, folder)
    known = {e.execution_id for e in client.list_executions(limit=50)}
    ours = by_papermill(path, "flowkernel", folder)
    if ours != expected:
        yield f"papermill: {expected}, with our engine: {ours}"
    statuses = recorded(client, known)
    if statuses != ["succeeded" if expected[0] == "ok" else "failed"]:
        yield f"recorded: {statuses}, papermill: {expected[0]}"
    run = by_flowkernel(path, client)
    is_refused = expected[0] == NO_KERNEL and "is not installed here" in run[0]
    if run != expected and not is_refused:
        yield f"papermill: {expected}, flowkernel run: {run}"


@pytest.mark.parametrize("notebooks", PACKAGES, indirect=True)
def test_whatever_papermill_runs_we_run_and_record(
    notebooks, client, tmp_path, monkeypatch
):
    package, paths = notebooks
    assert paths, f"the source distribution of {package} has no notebooks"
    found = {}
    for path in paths:
        monkeypatch.chdir(path.parent)  # Where `flowkernel run` runs it.
        with_this_python(path)
        found[f"{package}: {path.stem}"] = list(differences(path, client, tmp_path))

    print(json.dumps(found, indent=2))
    differing = {name: what for name, what in found.items() if what}
    expected = {name for name in DIFFERENCES if name.startswith(f"{package}:")}
    assert differing.keys() == expected, json.dumps(differing, indent=2)
