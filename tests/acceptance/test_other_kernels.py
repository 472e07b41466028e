"""Kernels of other languages reply differently: each failure is a sentence, and recorded."""

import json
import sys

import nbformat
import pytest

from flowkernel.core.status import CellStatus
from flowkernel.core.status import ExecutionStatus as S
from tests.acceptance.side_by_side import run_papermill

pytestmark = pytest.mark.kernel

#: A kernel whose cells say, as JSON, what it publishes and what it replies.
KERNEL = """
import json
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

class Told(Kernel):
    implementation = "told"
    implementation_version = "1"
    banner = ""
    language_info = {"name": "told", "mimetype": "text/plain", "file_extension": ".told"}

    def do_execute(self, code, silent, *arguments, **more):
        said = {} if silent else json.loads(code)
        if "publish" in said:
            self.send_response(self.iopub_socket, "error", said["publish"])
        return {"status": "ok", "execution_count": self.execution_count,
                "payload": [], "user_expressions": {}, **said.get("reply", {})}

IPKernelApp.launch_instance(kernel_class=Told)
"""


def error(name, message, traceback=()):
    return {"ename": name, "evalue": message, "traceback": list(traceback)}


@pytest.fixture
def run_cell(client, tmp_path, monkeypatch):
    """Run a cell of such a kernel; its execution, and papermill's error."""
    folder = tmp_path / "jupyter" / "kernels" / "told"
    folder.mkdir(parents=True)
    (folder / "kernel.py").write_text(KERNEL)
    argv = [sys.executable, str(folder / "kernel.py"), "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Told", "language": "told"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    def run_cell(**said):
        cells = [nbformat.v4.new_code_cell(json.dumps(s)) for s in ({}, said)]
        kernelspec = {"name": "told", "display_name": "Told", "language": "told"}
        notebook = nbformat.v4.new_notebook(
            cells=cells, metadata={"kernelspec": kernelspec}
        )
        nbformat.write(notebook, tmp_path / "in.ipynb")
        raised, _ = run_papermill(
            tmp_path / "in.ipynb", tmp_path / "out.ipynb", "flowkernel"
        )
        [execution] = client.list_executions(limit=1)
        return execution, raised

    return run_cell


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (error("", "1"), "the command ended with exit code 1"),
        (error("ERROR", "Error in f(): no sales\n"), "Error in f(): no sales"),
        (error("DomainError", "DomainError with -1.0"), "DomainError with -1.0"),
        (
            error("ReferenceError", "x is not defined"),
            "ReferenceError: x is not defined",
        ),
        (error("Error", "(none)"), "Error"),
        (error("", ""), "it failed, and its kernel gave no reason"),
    ],
)
def test_a_failure_in_another_language_is_a_sentence(run_cell, said, sentence):
    execution, raised = run_cell(publish=said, reply={"status": "error", **said})

    assert type(raised).__name__ == "PapermillExecutionError"
    assert execution.status is S.ENDED_ERROR
    assert execution.status_message.startswith("Cell 2 of 2 (")
    assert execution.status_message.endswith(f"): {sentence}")
    assert execution.error.name


def test_an_error_that_is_only_published_is_the_reason(run_cell):
    said = error("OSError", "no file", ["OSError: no file"])

    execution, _ = run_cell(publish=said, reply={"status": "error"})

    assert execution.status_message.startswith("Cell 2 of 2 (")
    assert execution.status_message.endswith("): OSError: no file")


def test_an_error_that_is_published_and_not_replied_ends_nothing(run_cell, client):
    """As in JupyterLab: the cells behind it run."""
    said = error("OSError", "no file", ["OSError: no file"])

    execution, _ = run_cell(publish=said)

    assert execution.status is S.ENDED_SUCCESS
    runs = client.cell_runs(execution.execution_id)
    assert [run.status for run in runs] == [CellStatus.SUCCESS] * 2
