"""The same notebook through plain papermill and through ours, and what both leave."""

import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError

PLAIN_SECONDS = 15  #: What a cell may take with plain papermill, unless a test says.

RANDOM = [
    (re.compile(r"0x[0-9a-f]{6,}"), "ADDRESS"),
    (re.compile(r"ipykernel_\d+"), "ipykernel_PID"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "MODEL"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d+Z?"), "MOMENT"),
]


def steady(value: Any) -> Any:
    """The value without what is random by nature: addresses, process ids, moments."""
    if isinstance(value, str):
        for pattern, word in RANDOM:
            value = pattern.sub(word, value)
    elif isinstance(value, dict):
        value = {key: steady(item) for key, item in value.items()}
    elif isinstance(value, list):
        value = [steady(item) for item in value]
    return value


def joined(outputs: list[Any]) -> list[Any]:
    """Outputs with neighbouring pieces of one stream joined, and without what is random."""
    found: list[Any] = []
    for output in outputs:
        output = steady(dict(output))
        before = found[-1] if found else {}
        if output["output_type"] == "stream" and before.get("name") == output["name"]:
            before["text"] += output["text"]
        else:
            found.append(output)
    return found


def papermilled(
    path: Path, left: Path, engine: str | None, **arguments: Any
) -> tuple[Exception | None, Any]:
    """What papermill raises, and the notebook it leaves; None if it leaves none."""
    raised = None
    if engine is None:  # It misses replies, and then sees them when this is over.
        arguments = {"execution_timeout": PLAIN_SECONDS, **arguments}
    try:
        papermill.execute_notebook(
            str(path), str(left), engine_name=engine, progress_bar=False, **arguments
        )
    except Exception as error:
        raised = error
    return raised, nbformat.read(left, 4) if left.exists() else None


def assert_same_ending(ours: Exception | None, plain: Exception | None) -> None:
    """The same exception, with the same words of the kernel."""
    assert type(ours) is type(plain)
    for name in ("ename", "evalue", "exec_count", "source"):
        assert steady(getattr(ours, name, None)) == steady(getattr(plain, name, None))


def assert_same_cells(ours: Any, plain: Any, raised: Exception | None) -> None:
    """The same cells, with the same outputs and execution counts."""
    assert [c.source for c in ours.cells] == [c.source for c in plain.cells]
    for mine, theirs in zip(ours.cells, plain.cells, strict=True):
        assert joined(mine.get("outputs", [])) == joined(theirs.get("outputs", []))
        assert mine.metadata.get("tags") == theirs.metadata.get("tags")
        counts = {mine.get("execution_count"), theirs.get("execution_count")}
        if isinstance(raised, DeadKernelError):
            counts.discard(
                None
            )  # A dying kernel may or may not say which number it is.
        assert len(counts) <= 1
