"""What is passed arrives as the type that is declared: in a handler, a cell, a notebook."""

from datetime import date
from decimal import Decimal

import nbformat
import pytest

import flowkernel

pytestmark = pytest.mark.kernel

HANDLER = """
from datetime import date
from decimal import Decimal
from enum import Enum

class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"

def handler(system, this, *, day: date, price: Decimal = Decimal("1"), mode: Mode = Mode.SLOW):
    this.set_output(types=[type(x).__name__ for x in (day, price, mode)], day=day, price=price)
"""
CELLS = (
    "from datetime import date",
    "day = date(2026, 1, 1)\ntext = 'a'\nrate = 1.5",
    "this.set_output(types=[type(x).__name__ for x in (day, text, rate)], text=text)",
)


def test_a_handler_gets_its_arguments(client, register):
    register("typed", HANDLER)

    execution = flowkernel.run(
        "typed", home=client.home, day=date(2026, 1, 2), price=Decimal("1.10")
    ).wait()

    assert execution.output == {
        "types": ["date", "Decimal", "Mode"],
        "day": "2026-01-02",
        "price": "1.10",
    }
    assert execution.get("inputs") == {"day": "2026-01-02", "price": "1.10"}
    assert execution.get("defaults") == {"mode": {"value": "slow"}}
    call = nbformat.read(execution.notebook, 4).cells[-1].source
    assert call == "handler(system, this, **this.arguments(handler, inputs))"


def test_plain_statements_have_their_inputs_in_their_types(client, register):
    source = "this.set_output(year=inputs['day'].year, n=inputs['n'])\ninputs['other']"
    register("plain", source, parameters=["day: date = today", "n = 3"])

    execution = flowkernel.run("plain", home=client.home, n=4)
    with pytest.raises(
        flowkernel.flow_api.DependencyFailedError, match="no input 'oth"
    ):
        execution.wait()

    assert execution.load("output")["n"] == 4
    assert execution.output["year"] >= 2026


def test_a_notebook_gets_its_variables(client, tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "typed.ipynb")

    execution = flowkernel.run(
        str(tmp_path / "typed.ipynb"),
        home=client.home,
        day=date(2026, 1, 2),
        text=20261101,
    ).wait()

    assert execution.output == {"types": ["date", "str", "float"], "text": "20261101"}
    injected = nbformat.read(execution.notebook, 4).cells[2]
    assert injected.metadata["tags"] == ["injected-parameters"]
    assert injected.metadata["papermill"]
