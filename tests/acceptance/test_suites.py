"""The notebooks of papermill's and of nbclient's own tests, with both engines.

papermill's are run as flows, too.

None of them is copied into this project: papermill's come with the installed package,
nbclient's with its source distribution.
"""

import importlib.metadata
import json
import shutil
from pathlib import Path

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from flowkernel.client.flow_source import read_source
from flowkernel.core.errors import BadInputs
from flowkernel.core.models import Flow
from flowkernel.core.status import CellStatus
from flowkernel.core.status import ExecutionStatus as S
from flowkernel.flow_api import Execution, ReturnWhen
from tests.acceptance.kernels import warm_fork_server
from tests.acceptance.sdists import unpacked_sdist
from tests.acceptance.side_by_side import (
    assert_same_cells,
    assert_same_error,
    join_streams,
    run_papermill,
    with_this_python,
)

pytestmark = pytest.mark.kernel

PAPERMILL = Path(papermill.__file__).parent / "tests" / "notebooks"
PAPERMILLS = sorted(str(p.relative_to(PAPERMILL)) for p in PAPERMILL.rglob("*.ipynb"))
NBCLIENTS = [
    "Autokill",
    "Check History in Memory",
    "Clear Output",
    "Disable Stdin",
    "Empty Cell",
    "Error",
    "Factorials",
    "HelloWorld",
    "Inline Image",
    "Interrupt",
    "JupyterWidgets",
    "Other Comms",
    "Output",
    "Parallel Execute A",
    "Parallel Execute B",
    "SVG",
    "Skip Exceptions",
    "Skip Exceptions with Cell Tags",
    "Skip Execution with Cell Tag",
    "Sleep1s",
    "Unicode",
    "UnicodePy3",
    "update-display-id",
]

SECONDS = 10  #: Time limit of a cell, with both engines.
FOREVER = {"Interrupt"}  #: These end with the time limit, which is short for them.
#: As papermill's own tests call them.
ARGUMENTS = {
    "binder.ipynb": {"execution_timeout": 60},  # It starts papermill in a cell.
    "complex_parameters.ipynb": {"parameters": {"msg": "Hello", "a": 0.5}},
    # It sleeps for 10 seconds.
    "gcs/gcs_in/gcs-simple_notebook.ipynb": {"execution_timeout": 15},
    "nb_version_4.4.ipynb": {"parameters": {"var": "It works"}},
    "no_parameters.ipynb": {"parameters": {"msg": "Hello"}},
    "report_mode_test.ipynb": {"parameters": {"a": 0}, "report_mode": True},
    "result_no_exec.ipynb": {"parameters": {"foo": 2}},
    "s3/s3_in/s3-simple_notebook.ipynb": {"parameters": {"msg": "Hello"}},
    "simple_execute.ipynb": {"parameters": {"msg": '"Hello"'}},
}
#: papermill refuses these before it calls an engine: there is nothing to record.
NOTHING_TO_RUN = {"blank-vscode.ipynb"}
#: papermill raises in the end although the tag allows the error; the flow succeeded.
ALLOWED = {"Skip Exceptions with Cell Tags"}
#: papermill calls the cell `failed` and the notebook an exception, yet raises nothing.
EXITS = {"sysexit.ipynb", "sysexit0.ipynb", "systemexit.ipynb"}


#: They wait for long, or start papermill themselves: not run once more as flows.
SLOW = {"binder", "gcs-simple_notebook", "keyboard_interrupt"}
#: Where `flowkernel run` differs from papermill, and why that is right.
DIFFERENT_AS_FLOWS = {
    "nb_version_4.4": "its parameter is a whole number, and gets a text: papermill checks none"
}


@pytest.fixture(scope="module", autouse=True)
def _forked(runtime):
    """Our engine has forked kernels, papermill's own has plain ones."""
    with warm_fork_server():
        yield


@pytest.fixture(scope="session")
def nbclients(request):
    """nbclient's test notebooks, from the source distribution of the installed version."""
    version = importlib.metadata.version("nbclient")
    sdist = unpacked_sdist(request.config.cache, "nbclient", version)
    return sdist / "tests" / "files"


@pytest.fixture
def compare(client, tmp_path, monkeypatch):
    """Run a notebook with both engines; the error, the output notebook, the executions."""

    def compare(path, **arguments):
        folder = tmp_path / "some" / "where" / "deep"  # One goes up three folders.
        shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns("*.ipynb"))
        monkeypatch.chdir(folder)
        known_ids = {e.execution_id for e in client.list_executions(limit=1_000)}
        seconds = 3 if path.stem in FOREVER else SECONDS
        arguments = {"execution_timeout": seconds, **arguments}
        expected_error, expected = run_papermill(
            path, tmp_path / "plain.ipynb", None, **arguments
        )
        error, notebook = run_papermill(
            path, tmp_path / "ours.ipynb", "flowkernel", **arguments
        )
        assert_same_error(error, expected_error)
        assert (expected is None) is (notebook is None)
        if expected is not None:
            assert_same_cells(notebook, expected, expected_error)
            if not isinstance(expected_error, CellTimeoutError | DeadKernelError):
                assert_same_record(notebook, expected, path)
        shutil.copy(path, folder / path.name)
        is_papermills = path.is_relative_to(PAPERMILL)
        if expected is not None and is_papermills and path.stem not in SLOW:
            parameters = arguments.get("parameters", {})
            assert_same_as_flow(
                client, folder / path.name, expected_error, expected, parameters
            )
        executions = [
            execution
            for execution in client.list_executions(limit=1_000)
            if execution.execution_id not in known_ids
            and execution.started_by == "papermill"
        ]
        return expected_error, notebook, executions

    return compare


@pytest.fixture
def _parallel(tmp_path, monkeypatch):
    """Two notebooks wait for each other's file; here both files exist."""
    for label in "AB":
        (tmp_path / f"test_file_{label}.txt").write_text(f"Hello from {label}")
    monkeypatch.setenv("NBEXECUTE_TEST_PARALLEL_TMPDIR", str(tmp_path))


def assert_same_as_flow(client, path, error, expected, parameters):
    """What `flowkernel run` makes of the same notebook: the same end, the same outputs."""
    with_this_python(path)
    flow = client.register(
        Flow.from_json({**read_source(str(path)), "cell_timeout": SECONDS})
    )
    request = {"flow": flow.name, "inputs": parameters, "allow_extra": True}
    if path.stem in DIFFERENT_AS_FLOWS:
        with pytest.raises(BadInputs):
            client.start(request)
        return
    started = client.start(request)
    execution = Execution(client, started.execution_id).wait(ReturnWhen.ALL_ENDED)
    assert (execution.status is S.ENDED_SUCCESS) is (error is None)
    if execution.notebook is not None and execution.notebook.exists():
        notebook = nbformat.read(execution.notebook, 4)
        assert outputs(notebook) == outputs(expected)


def outputs(notebook):
    """The outputs of the cells with code; without papermill's note about an error."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [join_streams(cell.outputs) for cell in cells]


def assert_same_record(notebook, expected, path):
    """papermill's own record of each cell, which tools read."""
    if path.name in EXITS:
        return
    statuses = [
        [cell.metadata.get("papermill", {}).get("status") for cell in book.cells]
        for book in (notebook, expected)
    ]
    assert statuses[0] == statuses[1]
    exceptions = [
        book.metadata.get("papermill", {}).get("exception")
        for book in (notebook, expected)
    ]
    assert exceptions[0] == exceptions[1]


def assert_recorded(client, name, error, notebook, executions):
    """The execution has the right status, and a cell run for each cell that ran."""
    if name in NOTHING_TO_RUN:
        assert executions == []
        return
    [execution] = executions
    is_well = error is None or name in ALLOWED
    assert execution.status is (S.ENDED_SUCCESS if is_well else S.ENDED_ERROR)
    assert execution.ended_at is not None
    assert bool(execution.status_message) is not is_well
    runs = client.cell_runs(execution.execution_id)
    assert all(run.ended_at is not None for run in runs)
    counted = [cell.id for cell in notebook.cells if cell.get("execution_count")]
    reported = [run.cell_id for run in runs]
    assert reported[: len(counted)] == counted
    assert len(reported) - len(counted) <= 1  # A cell without a reply has no count.
    good = {CellStatus.SUCCESS, CellStatus.EXITED, CellStatus.ALLOWED_ERROR}
    if runs:
        *earlier, last = [run.status in good for run in runs]
        assert all(earlier)
        assert last is is_well


@pytest.mark.parametrize("name", PAPERMILLS)
def test_a_notebook_of_papermill_s_tests(name, client, compare):
    error, notebook, executions = compare(PAPERMILL / name, **ARGUMENTS.get(name, {}))

    assert_recorded(client, name, error, notebook, executions)


@pytest.mark.parametrize("name", NBCLIENTS)
@pytest.mark.usefixtures("_parallel")
def test_a_notebook_of_nbclient_s_tests(name, client, compare, nbclients):
    error, notebook, executions = compare(
        nbclients / f"{name}.ipynb", kernel_name="python3"
    )

    assert_recorded(client, name, error, notebook, executions)


def test_no_notebook_of_nbclient_s_tests_is_forgotten(nbclients):
    assert sorted(path.stem for path in nbclients.glob("*.ipynb")) == sorted(NBCLIENTS)


def test_there_are_notebooks_of_papermill_s_tests():
    assert len(PAPERMILLS) >= 24
    assert all(name in PAPERMILLS for name in ARGUMENTS)
    assert json.loads((PAPERMILL / PAPERMILLS[0]).read_text())["nbformat"] == 4
