"""Files as people have them: what Python and papermill run, `flowkernel run` runs."""

import json

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import flowkernel
from flowkernel.core.status import ExecutionStatus as S

pytestmark = pytest.mark.kernel

ASYNC = """\
\ufeffimport asyncio


async def main():
    await asyncio.sleep(0)
    print("done")
"""
POOL = """
import multiprocessing


def square(n):
    return n * n


if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(square, [1, 2, 3]))
"""
PERCENT = '# %% tags=["parameters"]\nday = "none"\n# %%\nprint("day is", day)\n'


@pytest.fixture
def run_file(home, tmp_path):
    """Run a file; its execution, and what it printed."""

    def run_file(name, text, **inputs):
        (tmp_path / name).write_text(text)
        execution = flowkernel.run(str(tmp_path / name), home=home, inputs=inputs)
        execution.wait(flowkernel.flow_api.return_when.ALL_ENDED)
        return execution, printed(execution)

    return run_file


def printed(execution):
    cells = nbformat.read(execution.notebook, 4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "".join(o.text for o in outputs if o.get("name") == "stdout")


def is_failure_for_nbclient(source):
    """Whether the cell fails for who runs it without flowkernel."""
    cells = [nbformat.v4.new_code_cell(source)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    try:
        NotebookClient(notebook, kernel_name="python3").execute()
    except CellExecutionError:
        return True
    return False


def book(*sources, **parts):
    cells = [
        {"cell_type": "code", "metadata": {}, "source": source} for source in sources
    ]
    record = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return json.dumps({**record, **parts})


@pytest.mark.parametrize(
    ("text", "text_printed"),
    [
        (f'{ASYNC}\n\nif __name__ == "__main__":\n    asyncio.run(main())\n', "done\n"),
        (f"{ASYNC}\n\ndef handler(system, this):\n    asyncio.run(main())\n", "done\n"),
        (f"{ASYNC}\n\nasync def handler(system, this):\n    await main()\n", "done\n"),
        (POOL, "[1, 4, 9]\n"),
    ],
)
def test_a_script_runs_as_in_python(run_file, text, text_printed):
    execution, text = run_file("job.py", text)

    assert (execution.status, text) == (S.ENDED_SUCCESS, text_printed)


def test_a_script_with_a_cell_of_parameters_gets_them(run_file):
    assert run_file("report.py", PERCENT, day="monday")[1] == "day is monday\n"
    assert run_file("report.py", PERCENT)[1] == "day is none\n"


def test_this_is_there_after_a_reset(run_file):
    source = "%reset -f\nthis.set_output(**inputs)", "this.log(system.flow('a').name)"

    execution, _ = run_file("a.ipynb", book(*source), n=1)

    assert (execution.status, execution.output) == (S.ENDED_SUCCESS, {"n": 1})


def test_the_error_of_a_display_is_the_one_that_people_see(run_file):
    source = "from IPython.display import Image\nImage('missing.png')"

    execution, _ = run_file("a.ipynb", book(source))

    if not is_failure_for_nbclient(source):  # For ipykernel 6 the cell has succeeded.
        assert execution.status is S.ENDED_SUCCESS
        return
    assert execution.status is S.ENDED_ERROR
    assert execution.get("error")["name"] == "FileNotFoundError"
    message = execution.get("message")
    assert message.startswith("Cell 1 of 1: FileNotFoundError: ")
    assert message.endswith("missing.png'")


def test_a_notebook_that_does_not_say_its_language_takes_inputs(run_file):
    metadata = {"kernelspec": {"name": "python3"}}
    text = book("print(n)", metadata=metadata)

    assert run_file("a.ipynb", text, n=5)[1] == "5\n"


def test_a_linked_notebook_reads_files_beside_the_link(run_file, tmp_path):
    (tmp_path / "stored").mkdir()
    (tmp_path / "stored" / "1.ipynb").write_text(book("print(open('rows.csv').read())"))
    (tmp_path / "rows.csv").write_text("1,2")
    (tmp_path / "report.ipynb").symlink_to("stored/1.ipynb")

    execution = flowkernel.run("report.ipynb").wait()

    assert (execution.get("name"), printed(execution)) == ("report", "1,2\n")
