"""A program that has used flowkernel forks: its processes can use it as well."""

import os
import subprocess
import sys

import nbformat
import papermill
import pytest

from tests.acceptance.kernels import warm_fork_server

pytestmark = pytest.mark.kernel

PROGRAM = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
import papermill

def execute(x):
    papermill.execute_notebook(
        "in.ipynb", f"out-{x}.ipynb", parameters={"x": x}, engine_name="flowkernel",
        progress_bar=False, execution_timeout=60)
    return x

execute(0)
with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
    print(list(pool.map(execute, range(1, 5))))
"""
RUNS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
import flowkernel

def execute(x):
    return flowkernel.run("in.ipynb", x=x).wait().status.label

execute(0)
with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
    print(sorted(pool.map(execute, range(1, 5))))
"""


@pytest.fixture(scope="module", autouse=True)
def _forked(runtime):
    with warm_fork_server():
        yield


@pytest.fixture(autouse=True)
def _notebook(home, tmp_path):
    cells = [
        nbformat.v4.new_code_cell("x = 0", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("print(x)"),
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    notebook.metadata.kernelspec["language"] = "python"
    nbformat.write(notebook, tmp_path / "in.ipynb")


@pytest.mark.parametrize(
    ("source", "expected"),
    [(PROGRAM, "[1, 2, 3, 4]\n"), (RUNS, f"{['succeeded'] * 4}\n")],
    ids=["papermill", "run"],
)
def test_a_pool_of_processes_after_a_run(source, expected, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(source)

    result = subprocess.run(
        [sys.executable, "-W", "ignore", str(program)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
        timeout=90,
    )

    assert result.stdout == expected


def test_a_pool_of_processes_in_a_notebook(client, tmp_path):
    source = "import warnings; warnings.simplefilter('ignore')\n" + PROGRAM
    cell = nbformat.v4.new_code_cell(source)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "pool.ipynb")

    notebook = papermill.execute_notebook(
        str(tmp_path / "pool.ipynb"),
        None,
        kernel_name="python3",
        engine_name="flowkernel",
        progress_bar=False,
        execution_timeout=90,
    )

    texts = [o.text for o in notebook.cells[-1].outputs if o.get("name") == "stdout"]
    assert "[1, 2, 3, 4]" in "".join(texts)
    assert {e.status.label for e in client.list_executions(flow_name="in")} == {
        "succeeded"
    }
