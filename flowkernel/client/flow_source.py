"""From the name or path of a flow to the request that starts it."""

import os
import sys
from difflib import get_close_matches
from pathlib import Path

from flowkernel.client.bare_notebook import bare_notebook
from flowkernel.client.source_file import (
    file_path,
    flow_name_of,
    names_in,
    read_text,
)
from flowkernel.client.text_notebook import SUFFIXES, is_text_notebook, notebook_json
from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import plain_json
from flowkernel.core.models import Environment, FlowKind, Json

#: Bytes of a notebook or script, inclusive; a notebook without its outputs.
MAX_SOURCE = 64 * 1024 * 1024
KINDS = {
    ".ipynb": FlowKind.NOTEBOOK,
    ".py": FlowKind.SCRIPT,
    **dict.fromkeys(SUFFIXES, FlowKind.NOTEBOOK),
}
MAX_NEAR = 3  #: Files that a sentence names, inclusive.
NATIVE = "python3"  #: The kernelspec that every ipykernel has: it means "this Python".


def is_path(target: str) -> bool:
    """Whether a target means a file: it has such a suffix, or a folder in it."""
    return Path(target).suffix in KINDS or "/" in target or os.sep in target


def near_files(name: str, cwd: Path | None = None) -> list[str]:
    """Files of a folder that a person may mean who wrote no suffix, the nearest first.

    Those of this stem; else those whose stem begins with it; else those with a stem near it.
    """
    files = [f for f in names_in(cwd or Path.cwd()) if Path(f).suffix in KINDS]
    stems = {file: Path(file).stem.lower() for file in sorted(files)}
    word = name.lower()
    alike = [file for file, stem in stems.items() if stem == word]
    longer = [file for file, stem in stems.items() if stem.startswith(word)]
    near_stems = get_close_matches(word, stems.values(), n=MAX_NEAR)
    near = [file for stem in near_stems for file in stems if stems[file] == stem]
    return [*dict.fromkeys(alike or longer or near)][:MAX_NEAR]


def current_environment(cwd: Path | None = None) -> Environment:
    """Where this process runs: flows that it registers run there, too.

    Args:
        cwd: Default: the current folder.
    """
    return Environment(
        interpreter=sys.executable, prefix=sys.prefix, cwd=str(cwd or Path.cwd())
    )


def kernel_field(kernel: object, cwd: Path | None = None) -> dict[str, Json]:
    """What the body of a start has about a kernel for this run alone: fields.

    A path, which has a slash or begins with `.` or `~`, is sent as an absolute one.

    Raises:
        BadArgument: It is no text, or the folder of a user that does not exist.
    """
    if kernel is None:
        return {}
    if not isinstance(kernel, str) or not kernel.strip():
        raise BadArgument(
            f"kernel is {kernel!r}; it is the name of a kernel, or the folder of an "
            "environment. An input of this name goes in inputs={...}."
        )
    is_folder = kernel[0] in ".~" or any(c in kernel for c in (os.sep, "/"))
    if is_folder:
        kernel = os.path.abspath((cwd or Path.cwd()) / _kernel_path(kernel))
    return {"kernel": kernel}


def kernel_fields(kernel: object, *, is_kept: object) -> dict[str, Json]:
    """What the body of a start has about the kernel of this run alone: fields.

    Args:
        kernel: As for `kernel_field`.
        is_kept: Whether it is kept after the end.

    Raises:
        BadArgument: As `kernel_field`; or `is_kept` is no bool.
    """
    fields = kernel_field(kernel)
    if not isinstance(is_kept, bool):
        raise BadArgument(
            f"keep_kernel is {is_kept!r}; it is True or False. An input of this name goes in "
            "inputs={...}."
        )
    if is_kept:  # An engine of the version before does not know it.
        fields["keep_kernel"] = True
    return fields


def _kernel_path(kernel: str) -> Path:
    try:
        return Path(kernel).expanduser()
    except RuntimeError as error:
        raise BadArgument(
            f"{kernel!r} is no kernel: its user has no folder here. -k takes the folder of a "
            "venv or of a conda environment, as ./.venv, or the name of a kernel."
        ) from error


def start_request(
    target: str,
    inputs: dict[str, Json],
    cwd: Path | None = None,
    *,
    extra: bool = False,
    texts: dict[str, str] | None = None,
) -> dict[str, Json]:
    """The body of `POST execution` for a target. Here this process checks the inputs.

    Args:
        target: The name of a flow, or a path.
        extra: Whether names that the flow does not declare are passed on.
        texts: What a person typed, where the JSON of the value is another text.
        cwd: The folder that a path is relative to. Default: the current one.

    Raises:
        FileMissing, NotANotebook, BadArgument: The target is a path and cannot be read.
        BadValue, ValueTooBig: The inputs are not JSON, or too big.
    """
    if not isinstance(extra, bool):
        raise BadArgument(
            f"extra is {extra!r}; it is true or false, and says whether names are passed on "
            "that the flow does not declare. An input of this name goes in inputs={...}."
        )
    request: dict[str, Json] = {"inputs": plain_json(inputs, "inputs")}
    # An engine of an older version refuses fields that it does not know.
    request |= {"allow_extra": True} if extra else {}
    request |= {"texts": texts} if texts else {}
    if is_path(target):
        return {"source": read_source(target, cwd), **request}
    return {"flow": target, **request}


def read_source(target: str, cwd: Path | None = None) -> dict[str, Json]:
    """A notebook or script as the fields of a flow: name, kind, source, path, environment.

    Raises:
        FileMissing, NotANotebook, BadArgument: It cannot be read, or is something else.
    """
    path = file_path(target, cwd)
    _check_suffix(path, target)
    kind, source, kernel_name = _source_of(path, target)
    environment = current_environment(path.parent).to_json()
    environment["kernel_name"] = None if kernel_name == NATIVE else kernel_name
    return {
        "name": flow_name_of(path),
        "kind": kind,
        "source": source,
        "path": str(path),
        "environment": environment,
    }


def _check_suffix(path: Path, target: str) -> None:
    if path.suffix not in KINDS:
        raise BadArgument(
            f"{target!r} is neither a notebook (.ipynb) nor a script (.py). "
            "Pass the name of a flow, or a file with one of these suffixes."
        )


def _source_of(path: Path, target: str) -> tuple[FlowKind, str, str | None]:
    """What a file is, its source, a notebook's without outputs; and its kernel's name."""
    kind, source, kernel_name = KINDS[path.suffix], read_text(path, target), None
    if path.suffix != ".ipynb" and is_text_notebook(source, path.suffix, target):
        source = notebook_json(source, path.suffix, target)
        kind = FlowKind.NOTEBOOK
    if kind is FlowKind.NOTEBOOK:
        source, kernel_name = bare_notebook(source, target)
    if len(source.encode()) > MAX_SOURCE:
        raise BadArgument(
            f"{target!r} is over {MAX_SOURCE:,} bytes even without its outputs. "
            "Move embedded images and data into files."
        )
    return kind, source, kernel_name
