"""A notebook that papermill runs is run and recorded, whatever is odd about it."""

import copy
import json

import pytest

import flowkernel
from flowkernel.core.status import ExecutionStatus as S
from tests.acceptance.kernels import warm_fork_server
from tests.acceptance.side_by_side import run_papermill

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.filterwarnings("ignore"),  # nbformat's, about these notebooks.
]

METADATA = {
    "kernelspec": {"name": "python3", "display_name": "P", "language": "python"}
}
CODE = {
    "cell_type": "code",
    "metadata": {},
    "source": "print(1)",
    "outputs": [],
    "execution_count": None,
}
HEADING = {"cell_type": "heading", "level": 1, "metadata": {}, "source": ["Sales"]}
V3_CODE = {**CODE, "language": "python", "input": ["print(1)"]}
ID = {"id": "a"}


def v4(*cells, **parts):
    record = {"nbformat": 4, "nbformat_minor": 5, "metadata": METADATA, "cells": cells}
    return copy.deepcopy({**record, **parts})


def without(name):
    return {key: value for key, value in CODE.items() if key != name}


def v3(*cells):
    sheet = {"metadata": {}, "cells": cells}
    return {
        **{"nbformat": 3, "nbformat_minor": 0, "worksheets": [sheet]},
        "metadata": {"name": "", **METADATA},
    }


#: By what is odd about them; papermill runs them all.
ODD = {
    "no outputs": v4(without("outputs")),
    "no count": v4(without("execution_count")),
    "one id twice": v4({**CODE, **ID}, {**CODE, **ID}),
    "an id that is null": v4({**CODE, "id": None}),
    "tags that are a text": v4({**CODE, "metadata": {"tags": "parameters"}}),
    "a newer minor version": v4(CODE, nbformat_minor=99),
    "an unknown cell": v4({"cell_type": "sql", "metadata": {}, "source": "x"}, CODE),
    "a heading in format 3": v3(HEADING, V3_CODE),
    "outputs of an old format": v4({**CODE, "outputs": [{"output_type": "pyout"}]}),
    "our metadata": v4(CODE, metadata={**METADATA, "flowkernel": "x"}),
    "widgets that are null": v4(CODE, metadata={**METADATA, "widgets": None}),
}


@pytest.fixture(scope="module", autouse=True)
def _forked(runtime):
    with warm_fork_server(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "flowkernel-fork")
        yield


@pytest.fixture
def path(tmp_path):
    return tmp_path / "odd.ipynb"


def printed(notebook):
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[output.text for output in cell.outputs] for cell in cells]


@pytest.mark.parametrize("name", ODD)
def test_what_papermill_runs_is_run_and_recorded(name, path, client, tmp_path):
    path.write_text(json.dumps(ODD[name]))
    raised, expected = run_papermill(path, tmp_path / "plain.ipynb", None)
    assert raised is None

    raised, notebook = run_papermill(path, tmp_path / "ours.ipynb", "flowkernel")
    [recorded] = client.list_executions(limit=1)
    execution = flowkernel.run(str(path)).wait()

    assert raised is None
    assert printed(notebook) == printed(expected)
    assert (recorded.flow_name, recorded.status) == ("odd", S.ENDED_SUCCESS)
    assert execution.status is S.ENDED_SUCCESS


def test_a_run_whose_file_has_a_name_that_no_flow_can_have_is_recorded(
    client, tmp_path
):
    name = "a\\b" + "x" * 150
    path = tmp_path / f"{name}.ipynb"
    path.write_text(json.dumps(v4(CODE)))

    raised, _ = run_papermill(path, tmp_path / "out.ipynb", "flowkernel")

    assert raised is None
    [recorded] = client.list_executions(limit=1)
    assert recorded.flow_name == "a_b" + "x" * 125


def test_parameters_that_are_no_json_are_recorded_as_text(path, client, tmp_path):
    path.write_text(json.dumps(v4({**CODE, "source": "print(rate)"})))

    raised, notebook = run_papermill(
        path,
        tmp_path / "out.ipynb",
        "flowkernel",
        parameters={"rate": float("nan"), "n": 1},
    )

    assert raised is None
    assert printed(notebook)[-1] == ["nan\n"]
    [recorded] = client.list_executions(limit=1)
    assert recorded.inputs == {"rate": "nan", "n": 1}
