"""The notebooks of papermill's and of nbclient's own tests, beside plain papermill.

None of them is copied into this project: papermill's come with the installed package,
nbclient's with its source distribution.
"""

import importlib.metadata
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import papermill
import pytest
from filelock import FileLock
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from flowkernel.core.status import CellStatus
from flowkernel.core.status import ExecutionStatus as S
from tests.acceptance.kernels import kept_warm
from tests.acceptance.side_by_side import (
    assert_same_cells,
    assert_same_ending,
    papermilled,
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

SECONDS = 10  #: What a cell may take, on both sides.
FOREVER = {"Interrupt"}  #: These end with the time limit, which is short for them.
ARGUMENTS = {  #: As papermill's own tests call them.
    "binder.ipynb": {"execution_timeout": 60},  # It starts papermill in a cell.
    "complex_parameters.ipynb": {"parameters": {"msg": "Hello", "a": 0.5}},
    "gcs/gcs_in/gcs-simple_notebook.ipynb": {
        "execution_timeout": 15
    },  # It sleeps for 10.
    "nb_version_4.4.ipynb": {"parameters": {"var": "It works"}},
    "no_parameters.ipynb": {"parameters": {"msg": "Hello"}},
    "report_mode_test.ipynb": {"parameters": {"a": 0}, "report_mode": True},
    "result_no_exec.ipynb": {"parameters": {"foo": 2}},
    "s3/s3_in/s3-simple_notebook.ipynb": {"parameters": {"msg": "Hello"}},
    "simple_execute.ipynb": {"parameters": {"msg": '"Hello"'}},
}
#: papermill refuses these before any engine is asked: there is nothing to record.
NOTHING_TO_RUN = {"blank-vscode.ipynb"}
#: papermill raises in the end although the tag allows the error; the flow succeeded.
ALLOWED = {"Skip Exceptions with Cell Tags"}
#: papermill calls the cell `failed` and the notebook an exception, yet raises nothing.
EXITS = {"sysexit.ipynb", "sysexit0.ipynb", "systemexit.ipynb"}


@pytest.fixture(scope="module", autouse=True)
def _forked(runtime):
    """Ours run in forked kernels, papermill's in plain ones."""
    with kept_warm():
        yield


@pytest.fixture(scope="session")
def nbclients(request):
    """nbclient's test notebooks, from the source distribution of the installed version."""
    version = importlib.metadata.version("nbclient")
    folder = request.config.cache.mkdir("nbclient") / version
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            unpacked = folder.with_suffix(".new")
            shutil.rmtree(unpacked, ignore_errors=True)
            unpack(download(version, unpacked), unpacked)
            unpacked.rename(folder)
    return folder / f"nbclient-{version}" / "tests" / "files"


def download(version, folder):
    """Its source distribution. Asked for twice: a network may fail once."""
    words = ["download", "--quiet", "--no-deps", "--no-binary", "nbclient"]
    command = [
        sys.executable,
        "-m",
        "pip",
        *words,
        "-d",
        folder,
        f"nbclient=={version}",
    ]
    if subprocess.run(command).returncode != 0:
        subprocess.run(command, check=True)
    [archive] = folder.glob("nbclient-*.tar.gz")
    return archive


def unpack(archive, folder):
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")


@pytest.fixture
def compare(client, tmp_path, monkeypatch):
    """Run a notebook both ways from the same folder; the execution, its cell runs, the ends."""

    def compare(path, **arguments):
        folder = tmp_path / "some" / "where" / "deep"  # One goes up three folders.
        shutil.copytree(path.parent, folder, ignore=shutil.ignore_patterns("*.ipynb"))
        monkeypatch.chdir(folder)
        before = {e.execution_id for e in client.list_executions(limit=1_000)}
        seconds = 3 if path.stem in FOREVER else SECONDS
        arguments = {"execution_timeout": seconds, **arguments}
        plain, left = papermilled(path, tmp_path / "plain.ipynb", None, **arguments)
        ours, right = papermilled(
            path, tmp_path / "ours.ipynb", "flowkernel", **arguments
        )
        assert_same_ending(ours, plain)
        assert (left is None) is (right is None)
        if left is not None:
            assert_same_cells(right, left, plain)
            if not isinstance(plain, CellTimeoutError | DeadKernelError):
                assert_same_record(right, left, path)
        new = [
            e
            for e in client.list_executions(limit=1_000)
            if e.execution_id not in before
        ]
        return plain, right, new

    return compare


@pytest.fixture
def _parallel(tmp_path, monkeypatch):
    """Two notebooks wait for a file of each other; here both are there already."""
    for label in "AB":
        (tmp_path / f"test_file_{label}.txt").write_text(f"Hello from {label}")
    monkeypatch.setenv("NBEXECUTE_TEST_PARALLEL_TMPDIR", str(tmp_path))


def assert_same_record(ours, plain, path):
    """papermill's own record of each cell, which tools read."""
    if path.name in EXITS:
        return
    told = [
        [cell.metadata.get("papermill", {}).get("status") for cell in book.cells]
        for book in (ours, plain)
    ]
    assert told[0] == told[1]
    ends = [
        book.metadata.get("papermill", {}).get("exception") for book in (ours, plain)
    ]
    assert ends[0] == ends[1]


def assert_fits(client, name, raised, left, executions):
    """The execution says what happened, and has a cell run for each cell that ran."""
    if name in NOTHING_TO_RUN:
        assert executions == []
        return
    [execution] = executions
    is_well = raised is None or name in ALLOWED
    assert execution.status is (S.ENDED_SUCCESS if is_well else S.ENDED_ERROR)
    assert execution.ended_at is not None
    assert bool(execution.status_message) is not is_well
    runs = client.cell_runs(execution.execution_id)
    assert all(run.ended_at is not None for run in runs)
    counted = [cell.id for cell in left.cells if cell.get("execution_count")]
    reported = [run.cell_id for run in runs]
    assert reported[: len(counted)] == counted
    assert len(reported) - len(counted) <= 1  # One that never replied has no count.
    good = {CellStatus.SUCCESS, CellStatus.EXITED, CellStatus.ALLOWED_ERROR}
    if runs:
        *before, last = [run.status in good for run in runs]
        assert all(before)
        assert last is is_well


@pytest.mark.parametrize("name", PAPERMILLS)
def test_a_notebook_of_papermill_s_tests(name, client, compare):
    raised, left, executions = compare(PAPERMILL / name, **ARGUMENTS.get(name, {}))

    assert_fits(client, name, raised, left, executions)


@pytest.mark.parametrize("name", NBCLIENTS)
@pytest.mark.usefixtures("_parallel")
def test_a_notebook_of_nbclient_s_tests(name, client, compare, nbclients):
    raised, left, executions = compare(
        nbclients / f"{name}.ipynb", kernel_name="python3"
    )

    assert_fits(client, name, raised, left, executions)


def test_no_notebook_of_nbclient_s_tests_is_forgotten(nbclients):
    assert sorted(path.stem for path in nbclients.glob("*.ipynb")) == sorted(NBCLIENTS)


def test_there_are_notebooks_of_papermill_s_tests():
    assert len(PAPERMILLS) >= 24
    assert all(name in PAPERMILLS for name in ARGUMENTS)
    assert json.loads((PAPERMILL / PAPERMILLS[0]).read_text())["nbformat"] == 4
