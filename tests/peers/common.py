"""A notebook for the checks, and what flowkernel has recorded of it."""

from pathlib import Path
from typing import Any

import nbformat

import flowkernel


def write_notebook(path: str = "daily.ipynb", kernel: str = "python3") -> str:
    """A notebook with a parameter, `day`, that prints it; its path."""
    parameters = nbformat.v4.new_code_cell("day = 'today'")
    parameters.metadata["tags"] = ["parameters"]
    cells = [parameters, nbformat.v4.new_code_cell("print('sales of', day)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": kernel,
        "display_name": kernel,
        "language": "python",
    }
    nbformat.write(notebook, path)
    return str(Path(path).absolute())


def printed(path: str) -> str:
    """What the cells of a notebook printed."""
    cells = nbformat.read(path, as_version=4).cells
    outputs = [o for c in cells for o in c.get("outputs", []) if "text" in o]
    return "".join(output["text"] for output in outputs)


def recorded(name: str = "daily") -> list[tuple[Any, ...]]:
    """Status and inputs of each run of a flow."""
    executions = flowkernel.list_executions(flow_name=name)
    return [execution.get("status", "inputs") for execution in executions]
