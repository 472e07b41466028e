"""The notebook of a flow version: its cells, its parameters, their ids."""

import ast
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

import flowkernel
from flowkernel.core.errors import BadName
from flowkernel.core.handler_source import handler_call
from flowkernel.core.models import Environment, Execution, FlowKind, FlowVersion
from flowkernel.core.status import ExecutionStatus
from flowkernel.worker.notebook.notebook_file import source_hash
from flowkernel.worker.notebook.render import (
    prologue,
    render,
)

#: How a handler is called that names its arguments.
BY_NAME = "handler(system, this, **this.arguments(handler, inputs))"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD = {
    "nbformat": 4,
    "nbformat_minor": 4,
    "metadata": {},
    "cells": [
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for source in ("x = 1", "x = 1", "x")
    ],
}


def version(source, kind=FlowKind.CELL, **fields):
    return FlowVersion(
        flow_version="v", flow_name="f", kind=kind, source=source, **fields
    )


def execution(**fields):
    values = {
        "execution_id": "e",
        "root_id": "e",
        "type": "FLOW",
        "flow_name": "f",
        "flow_version": "v",
        "name": "f",
        "status": ExecutionStatus.RUNNING,
        "created_at": NOON,
    }
    return Execution(**{**values, **fields})


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        ("", "handler(system, this)"),  # Python says what is wrong with it.
        ("system", "handler(system, this)"),
        ("system, this", "handler(system, this)"),
        ("system: System, this: Execution", "handler(system, this)"),
        ("system, this, inputs", "handler(system, this, inputs)"),
        ("system, this, /, inputs", "handler(system, this, inputs)"),
        ("system, this, inputs=None", "handler(system, this, inputs)"),
        ("system, this, inputs: dict[str, int] = {}", "handler(system, this, inputs)"),
        ("system, this, *, inputs=None", BY_NAME),
        ("system, this, *, day", BY_NAME),
        ("system, this, **inputs", BY_NAME),
        ("system, this, day: date", BY_NAME),
        ("system, this, inputs: Report", BY_NAME),
        ("*args", "handler(system, this, inputs)"),
        ("system, this, inputs, more=1", BY_NAME),
    ],
)
def test_a_handler_is_called_with_the_arguments_it_takes(arguments, call):
    source = f"x = 1\ndef handler({arguments}):\n    return x"

    assert handler_call(source) == call
    assert handler_call("async " + source.removeprefix("x = 1\n")) == f"await {call}"


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        ("system, this", "handler(system, this)"),
        ("system, this, inputs", "handler(system, this, inputs)"),
        ("system, this, inputs=dict()", "handler(system, this, inputs)"),
        ("\n    system,\n    this,\n", "handler(system, this)"),
    ],
)
def test_a_handler_in_a_source_with_magics_is_called_too(arguments, call):
    source = f"%matplotlib inline\n!ls\ndef handler({arguments}):\n    pass"

    assert handler_call(source) == call
    assert handler_call(source.replace("def ", "async def ")) == f"await {call}"


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "def other(system, this): pass",
        "class A:\n    def handler(self, this): pass",
        "def outer():\n    def handler(system, this): pass",
        "handler = 3",
        "%time x\nhandler = 3",
        "",
    ],
)
def test_plain_statements_have_no_handler(source):
    assert handler_call(source) is None


def test_the_last_of_two_handlers_is_called():
    source = "def handler(a, b, c): pass\ndef handler(a, b): pass"

    assert handler_call(source) == "handler(system, this)"


def test_a_cell_becomes_setup_flow_and_call():
    source = "def handler(system, this): pass"
    rendered = render(
        version(source, setup_source="import math"), execution(inputs={"x": 5})
    )

    cells = [(cell.id, cell.source) for cell in rendered.notebook.cells]
    assert cells == [
        ("setup", "import math"),
        ("flow", source),
        ("handler", "handler(system, this)"),
    ]
    assert rendered.parameters == {}
    assert rendered.kernel_name == "python3"
    nbformat.validate(rendered.notebook)


def test_a_notebook_with_an_input_whose_name_is_code_is_not_rendered():
    """It may be queued in a home of an earlier version, which started it."""
    inputs = {"x": 5, "y=1\nprint('code')\nz": 1}
    with pytest.raises(BadName, match="no digit first"):
        render(version(json.dumps(OLD), FlowKind.NOTEBOOK), execution(inputs=inputs))


def test_a_notebook_gets_its_inputs_as_parameters():
    rendered = render(
        version(json.dumps(OLD), FlowKind.NOTEBOOK),
        execution(inputs={"x": 5}, environment=Environment(kernel_name="ir")),
    )

    assert rendered.parameters == {"x": 5}
    assert rendered.kernel_name == "ir"
    assert rendered.notebook.metadata.flowkernel.inputs == {"x": 5}
    nbformat.validate(rendered.notebook)


def test_cells_without_ids_get_the_same_ones_each_time():
    first, second = (
        render(version(json.dumps(OLD), FlowKind.NOTEBOOK), execution()).notebook
        for _ in range(2)
    )

    ids = [cell.id for cell in first.cells]
    assert ids == [cell.id for cell in second.cells]
    assert len(set(ids)) == 3


def test_a_source_in_lines_is_joined():
    record = {**OLD, "cells": [{**OLD["cells"][0], "source": ["x = 1\n", "y = 2"]}]}

    notebook = render(
        version(json.dumps(record), FlowKind.NOTEBOOK), execution()
    ).notebook

    assert notebook.cells[0].source == "x = 1\ny = 2"


def test_existing_ids_are_kept():
    record = {**OLD, "nbformat_minor": 5, "cells": [{**OLD["cells"][0], "id": "mine"}]}

    notebook = render(
        version(json.dumps(record), FlowKind.NOTEBOOK), execution()
    ).notebook

    assert [cell.id for cell in notebook.cells] == ["mine"]


def test_a_notebook_of_format_3_is_upgraded_to_4():
    cell = {
        "cell_type": "code",
        "input": "x = 1",
        "language": "python",
        "metadata": {},
        "outputs": [],
        "collapsed": False,
    }
    sheet = {"cells": [cell], "metadata": {}}
    record = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [sheet]}

    notebook = render(
        version(json.dumps(record), FlowKind.NOTEBOOK), execution()
    ).notebook

    assert [cell.source for cell in notebook.cells] == ["x = 1"]


@pytest.mark.parametrize("text", ["'\"\\", "\n", "💾", "VALUES", "{}", "'''", '"""'])
def test_the_prologue_is_python_whatever_is_in_it(text):
    source = prologue(
        execution(inputs={"x": text}),
        home=text,
        package="/p",
        path=text,
        started_by=text,
    )

    [line] = ast.parse(source).body
    inner = ast.literal_eval(line.value.args[0])
    compile(inner, "prologue", "exec")
    [assign] = [node for node in ast.parse(inner).body if isinstance(node, ast.Assign)]
    values = ast.literal_eval(assign.value.args[0])
    assert (values["home"], values["path"]) == (text, text)
    assert json.loads(values["inputs"]) == {"x": text}


def test_a_kernel_with_modules_of_an_older_version_gets_ours(tmp_path):
    older = tmp_path / "flowkernel"
    older.mkdir()
    for name in ("__init__", "flow_api", "client"):
        (older / f"{name}.py").write_text("Client = object\n")
    package = str(Path(flowkernel.__file__).parent)
    source = prologue(
        execution(), home="/h", package=package, path=None, started_by="x"
    )
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import flowkernel.client
{source}
import flow_api, flowkernel
sys.modules["flowkernel.flow_api.context"].rewind(1)
print(flow_api is flowkernel.flow_api, flowkernel.__path__, this.execution_id)
"""

    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == (
        f"True {[package]} {execution().execution_id}\n",
        "",
    )


def test_a_kernel_whose_flowkernel_knows_no_tokens_gets_ours(tmp_path):
    """An older one would send the token of a person."""
    older = tmp_path / "flowkernel"
    for name in ("__init__", "flow_api", "client/__init__", "client/client"):
        path = older / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("class Client: pass\n")
    package = str(Path(flowkernel.__file__).parent)
    source = prologue(
        execution(), home="/h", package=package, path=None, started_by="x"
    )
    program = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n{source}"
    program += "\nimport flowkernel\nprint(flowkernel.__path__)"

    lines = subprocess.check_output([sys.executable, "-c", program], text=True)

    assert lines == f"{[package]}\n"


def test_a_source_has_one_hash():
    assert source_hash("x") == source_hash("x") != source_hash("y")
    assert len(source_hash("\ud800")) == 64
