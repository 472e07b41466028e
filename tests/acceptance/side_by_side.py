"""The same notebook with papermill's own engine and with ours, and what both leave."""

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError

NOT_STARTED = "Kernel died before replying to kernel_info"
PLAIN_SECONDS = 15  #: Time limit of a cell with papermill's own engine.

RANDOM = [
    (re.compile(r"0x[0-9a-f]{6,}"), "ADDRESS"),
    (re.compile(r"ipykernel_\d+"), "ipykernel_PID"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "MODEL"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d+Z?"), "MOMENT"),
]


def without_random(value: Any) -> Any:
    """The value without its random parts: addresses, process ids, times."""
    if isinstance(value, str):
        for pattern, word in RANDOM:
            value = pattern.sub(word, value)
    elif isinstance(value, dict):
        value = {key: without_random(item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [without_random(item) for item in value]
    return value


def join_streams(outputs: list[Any]) -> list[Any]:
    """Outputs with adjacent pieces of one stream joined, without their random parts."""
    result: list[Any] = []
    for output in outputs:
        output = without_random(dict(output))
        previous = result[-1] if result else {}
        if output["output_type"] == "stream" and previous.get("name") == output["name"]:
            previous["text"] += output["text"]
        else:
            result.append(output)
    return result


def run_papermill(
    path: Path, output_path: Path, engine: str | None, **arguments: Any
) -> tuple[Exception | None, Any]:
    """The error that papermill raises, and its output notebook; None if there is none.

    Alone it starts a kernel again that did not start: another process may take a port that
    was chosen for it, before it does.
    """
    raised, notebook = _run_papermill(path, output_path, engine, **arguments)
    if engine is None and NOT_STARTED in str(raised):
        return _run_papermill(path, output_path, engine, **arguments)
    return raised, notebook


def _run_papermill(
    path: Path, output_path: Path, engine: str | None, **arguments: Any
) -> tuple[Exception | None, Any]:
    raised = None
    if engine is None:  # It can miss a reply: then it ends only at this limit.
        arguments = {"execution_timeout": PLAIN_SECONDS, **arguments}
    try:
        papermill.execute_notebook(
            str(path),
            str(output_path),
            engine_name=engine,
            progress_bar=False,
            **arguments,
        )
    except Exception as error:
        raised = error
    return raised, nbformat.read(output_path, 4) if output_path.exists() else None


def assert_same_error(error: Exception | None, expected: Exception | None) -> None:
    """The same exception, with the same words from the kernel."""
    assert type(error) is type(expected)
    for name in ("ename", "evalue", "exec_count", "source"):
        assert without_random(getattr(error, name, None)) == without_random(
            getattr(expected, name, None)
        )


def assert_same_cells(notebook: Any, expected: Any, error: Exception | None) -> None:
    """The same cells, with the same outputs and execution counts."""
    assert [c.source for c in notebook.cells] == [c.source for c in expected.cells]
    for cell, other in zip(notebook.cells, expected.cells, strict=True):
        assert join_streams(cell.get("outputs", [])) == join_streams(
            other.get("outputs", [])
        )
        assert cell.metadata.get("tags") == other.metadata.get("tags")
        counts = {cell.get("execution_count"), other.get("execution_count")}
        if isinstance(error, DeadKernelError):
            # A dying kernel may send the execution count, or not.
            counts.discard(None)
        assert len(counts) <= 1


def with_this_python(path: Path) -> None:
    """Name this Python as the kernel of a notebook in Python, whatever it was called."""
    record = json.loads(path.read_text("utf-8"))
    metadata = record.setdefault("metadata", {})
    kernelspec = metadata.setdefault("kernelspec", {})
    language = metadata.get("language_info", {}).get("name", "python")
    if kernelspec.get("language", language).lower() in ("python", "python2"):
        kernelspec.update(name="python3", display_name="Python 3", language="python")
        path.write_text(json.dumps(record))
