"""From the name or path of a flow to the request that starts it."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from flowkernel.core.errors import BadArgument, FileMissing, NotANotebook
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Environment, FlowKind, Json

#: Bytes of a notebook or script, inclusive; a notebook without its outputs.
MAX_SOURCE = 64 * 1024 * 1024
KINDS = {".ipynb": FlowKind.NOTEBOOK, ".py": FlowKind.SCRIPT}
NEWEST = 4  #: The newest notebook format; nbformat knows 1 to 4.
NATIVE = "python3"  #: The kernelspec that every ipykernel has: it means "this Python".


def is_path(target: str) -> bool:
    """Whether a target means a file: it has such a suffix, or a folder in it."""
    return Path(target).suffix in KINDS or "/" in target or os.sep in target


def current_environment(cwd: Path | None = None) -> Environment:
    """Where this process runs: flows that it registers run there, too.

    Args:
        cwd: Default: the current folder.
    """
    return Environment(
        interpreter=sys.executable, prefix=sys.prefix, cwd=str(cwd or Path.cwd())
    )


def start_request(
    target: str, inputs: dict[str, Json], cwd: Path | None = None
) -> dict[str, Json]:
    """The body of `POST execution` for a target. Here this process checks the inputs.

    Args:
        target: The name of a flow, or a path.
        cwd: The folder that a path is relative to. Default: the current one.

    Raises:
        FileMissing, NotANotebook, BadArgument: The target is a path and cannot be read.
        BadValue, ValueTooBig: The inputs are not JSON, or too big.
    """
    inputs = plain_json(inputs, "inputs")
    if not is_path(target):
        return {"flow": target, "inputs": inputs}
    return {"source": read_source(target, cwd), "inputs": inputs}


def read_source(target: str, cwd: Path | None = None) -> dict[str, Json]:
    """A notebook or script as the fields of a flow: name, kind, source, path, environment.

    Raises:
        FileMissing, NotANotebook, BadArgument: It cannot be read, or is something else.
    """
    path = _resolve(target, cwd)
    kind = _kind_of(path, target)
    source, kernel_name = _source_of(path, kind, target)
    environment = current_environment(path.parent).to_json()
    environment["kernel_name"] = None if kernel_name == NATIVE else kernel_name
    return {
        "name": path.stem,
        "kind": kind,
        "source": source,
        "path": str(path),
        "environment": environment,
    }


def _kind_of(path: Path, target: str) -> FlowKind:
    if path.suffix not in KINDS:
        raise BadArgument(
            f"{target!r} is neither a notebook (.ipynb) nor a script (.py). "
            "Pass the name of a flow, or a file with one of these suffixes."
        )
    return KINDS[path.suffix]


def _source_of(path: Path, kind: FlowKind, target: str) -> tuple[str, str | None]:
    """The source of a file, a notebook's without outputs; and the name of its kernel."""
    source, kernel_name = _read(path, target), None
    if kind is FlowKind.NOTEBOOK:
        source, kernel_name = bare_notebook(source, target)
    if len(source.encode()) > MAX_SOURCE:
        raise BadArgument(
            f"{target!r} is over {MAX_SOURCE:,} bytes even without its outputs. "
            "Move embedded images and data into files."
        )
    return source, kernel_name


def _resolve(target: str, cwd: Path | None) -> Path:
    try:
        return ((cwd or Path.cwd()) / Path(target).expanduser()).resolve()
    except (ValueError, RuntimeError, OSError) as error:
        raise BadArgument(f"{target!r} cannot be used as a path: {error}.") from error


def _read(path: Path, target: str) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise FileMissing(_why_unreadable(path, target, error)) from error
    except UnicodeDecodeError as error:
        if path.suffix == ".ipynb":
            raise NotANotebook(target, "it is not text") from error
        raise BadArgument(
            f"{target!r} is not text in UTF-8. Save it as UTF-8."
        ) from error


def _why_unreadable(path: Path, target: str, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            return (
                f"There is no file {target!r} (looked for {str(path)!r}). Check the "
                "spelling and the folder you are in."
            )
        case IsADirectoryError():
            return f"{target!r} is a folder. Name a file in it."
        case PermissionError():
            return f"You may not read {str(path)!r}. Change its permissions or copy it."
        case _:
            reason = (error.strerror or str(error)).lower()
            return f"{target!r} cannot be read: {reason}. Check the path."


def bare_notebook(text: str, target: str) -> tuple[str, str | None]:
    """A notebook's JSON without outputs, and the name of its kernel.

    Raises:
        NotANotebook: It is not JSON, or does not have the shape of a notebook; says why.
    """
    notebook = _parse_notebook(text, target)
    if notebook["nbformat"] == NEWEST:
        _remove_outputs(notebook.get("cells"), target)
    notebook.setdefault("nbformat_minor", 0)
    kernel_name = _kernel_name(notebook.setdefault("metadata", {}), target)
    bare_text = json.dumps(notebook, ensure_ascii=False)
    try:
        bare_text.encode()
    except UnicodeEncodeError as error:
        reason = "it has characters that are not valid Unicode text"
        raise NotANotebook(target, reason) from error
    return bare_text, kernel_name


def _parse_notebook(text: str, target: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text)
    except RecursionError as error:
        raise NotANotebook(target, "it is nested too deeply") from error
    except ValueError as error:
        reason = "it is empty" if not text.strip() else f"it is not JSON ({error})"
        raise NotANotebook(target, reason) from error
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise NotANotebook(target, "it has no `nbformat` number")
    version = notebook["nbformat"]
    if not 1 <= version <= NEWEST:
        reason = f"it has format {version}, and the newest known is {NEWEST}"
        raise NotANotebook(target, reason)
    return notebook


def _kernel_name(metadata: Json, target: str) -> str | None:
    if not isinstance(metadata, dict):
        raise NotANotebook(target, "its `metadata` is not an object")
    kernelspec = metadata.get("kernelspec")
    name = kernelspec.get("name") if isinstance(kernelspec, dict) else None
    if name is not None and not isinstance(name, str):
        raise NotANotebook(target, f"the name of its kernel is {name!r}")
    return name


def _remove_outputs(cells: Json, target: str) -> None:
    """Remove the outputs of code cells, in place; check the shape of every cell."""
    if not isinstance(cells, list) or not all(isinstance(c, dict) for c in cells):
        raise NotANotebook(target, "it has no list of `cells`")
    for number, cell in enumerate(cells, 1):
        _check_cell(cell, number, target)
        cell.setdefault("metadata", {})
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


def _check_cell(cell: dict[str, Json], number: int, target: str) -> None:
    source = cell.get("source")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        raise NotANotebook(target, f"cell {number} has no `source` text")
    if not isinstance(cell.get("cell_type"), str):
        raise NotANotebook(target, f"cell {number} has no `cell_type`")
    if not isinstance(cell.get("metadata", {}), dict):
        raise NotANotebook(target, f"the `metadata` of cell {number} is not an object")
