"""From what a person names (a flow, a path) to what the engine is asked to start."""

import json
import os
import sys
from pathlib import Path

from flowkernel.core.errors import BadArgument, FileMissing, NotANotebook
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Environment, FlowKind, Json

MAX_SOURCE = (
    64 * 1024 * 1024
)  #: Bytes of a notebook or script, inclusive, outputs left out.
KINDS = {".ipynb": FlowKind.NOTEBOOK, ".py": FlowKind.SCRIPT}
NEWEST = 4  #: Of the formats of notebooks; nbformat knows 1 to 4.
NATIVE = "python3"  #: The kernelspec that every ipykernel has: it means "this Python".


def is_path(target: str) -> bool:
    """Whether a target is meant as a file: it ends as one, or has a folder in it."""
    return Path(target).suffix in KINDS or "/" in target or os.sep in target


def here(cwd: Path | None = None) -> Environment:
    """Where this process runs: what it registers will run there too."""
    return Environment(
        interpreter=sys.executable, prefix=sys.prefix, cwd=str(cwd or Path.cwd())
    )


def start_request(
    target: str, inputs: dict[str, Json], cwd: Path | None = None
) -> dict[str, Json]:
    """What `POST execution` takes for a target.

    Raises:
        FileMissing, NotANotebook, BadArgument: The target is a path and cannot be read.
        BadValue, ValueTooBig: The inputs are not JSON, or too big.
    """
    given = plain_json(inputs, "inputs")
    if not is_path(target):
        return {"flow": target, "inputs": given}
    return {"source": read_source(target, cwd), "inputs": given}


def read_source(target: str, cwd: Path | None = None) -> dict[str, Json]:
    """A file as a flow without a name: kind, source, path, environment."""
    try:
        path = ((cwd or Path.cwd()) / Path(target).expanduser()).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise BadArgument(f"{target!r} cannot be a path: {error}.") from error
    kind = KINDS.get(path.suffix)
    if kind is None:
        raise BadArgument(
            f"{target!r} is neither a notebook (.ipynb) nor a script (.py). "
            "Name a flow, or a file that ends in one of these."
        )
    text = _read(path, target)
    kernel_name = None
    if kind is FlowKind.NOTEBOOK:
        text, kernel_name = bare_notebook(text, target)
    if len(text.encode()) > MAX_SOURCE:
        raise BadArgument(
            f"{target!r} is over {MAX_SOURCE:,} bytes even without its outputs. "
            "Move embedded images and data into files."
        )
    return {
        "name": path.stem,
        "kind": kind,
        "source": text,
        "path": str(path),
        "environment": {
            **here(path.parent).to_json(),
            "kernel_name": None if kernel_name == NATIVE else kernel_name,
        },
    }


def _read(path: Path, target: str) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise FileMissing(
            f"There is no file {target!r} (looked for {str(path)!r}). Check the spelling and "
            "the folder you are in."
        ) from error
    except IsADirectoryError as error:
        raise FileMissing(f"{target!r} is a folder. Name a file in it.") from error
    except PermissionError as error:
        raise FileMissing(f"{str(path)!r} may not be read by this user.") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise FileMissing(
            f"{target!r} cannot be read: {reason}. Check the path."
        ) from error
    except UnicodeDecodeError as error:
        if path.suffix == ".ipynb":
            raise NotANotebook(target, "it is not text") from error
        raise BadArgument(
            f"{target!r} is not text in UTF-8. Save it as UTF-8."
        ) from error


def bare_notebook(text: str, target: str) -> tuple[str, str | None]:
    """A notebook's JSON without outputs, and the name of the kernel it asks for.

    Raises:
        NotANotebook: It is not JSON, or not shaped like a notebook; says which.
    """
    try:
        notebook = json.loads(text)
    except RecursionError as error:
        raise NotANotebook(target, "it is nested too deeply") from error
    except ValueError as error:
        reason = "it is empty" if not text.strip() else f"it is not JSON ({error})"
        raise NotANotebook(target, reason) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise NotANotebook(target, "it has no `nbformat` number")
    if not 1 <= notebook["nbformat"] <= NEWEST:
        reason = (
            f"it is of format {notebook['nbformat']}, and the newest known is {NEWEST}"
        )
        raise NotANotebook(target, reason)
    cells = notebook.get("cells")
    if notebook["nbformat"] == NEWEST:
        if not isinstance(cells, list) or not all(isinstance(c, dict) for c in cells):
            raise NotANotebook(target, "it has no list of `cells`")
        for number, cell in enumerate(cells, 1):
            _check_cell(cell, number, target)
            cell.setdefault("metadata", {})
            if cell["cell_type"] == "code":
                cell["outputs"], cell["execution_count"] = [], None
    notebook.setdefault("nbformat_minor", 0)
    metadata = notebook.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        raise NotANotebook(target, "its `metadata` is no object")
    spec = metadata.get("kernelspec")
    name = spec.get("name") if isinstance(spec, dict) else None
    if name is not None and not isinstance(name, str):
        raise NotANotebook(target, f"the name of its kernel is {name!r}")
    bare = json.dumps(notebook, ensure_ascii=False)
    try:
        bare.encode()
    except UnicodeEncodeError as error:
        reason = "it has characters that are not valid Unicode text"
        raise NotANotebook(target, reason) from error
    return bare, name


def _check_cell(cell: dict[str, Json], number: int, target: str) -> None:
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise NotANotebook(target, f"cell {number} has no `source` text")
    if not isinstance(cell.get("cell_type"), str):
        raise NotANotebook(target, f"cell {number} has no `cell_type`")
    if not isinstance(cell.get("metadata", {}), dict):
        raise NotANotebook(target, f"the `metadata` of cell {number} is no object")
