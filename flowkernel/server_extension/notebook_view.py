"""An output notebook as the panel shows it: cell by cell, without what is large. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flowkernel.core.cell_numbers import CellNumbers, source_of
from flowkernel.core.json_record import Json
from flowkernel.core.json_values import dumps

MAX_OUTPUT = 256 * 1024  #: Bytes of one output, inclusive; more is cut.
MAX_CELL = 1024 * 1024  #: Bytes of the outputs of one cell, about.
MAX_VIEW = 8 * 1024 * 1024  #: Bytes of the outputs of all cells, about.
MAX_SOURCE = 256 * 1024  #: Characters of a source that are shown, inclusive.
#: What stands for a part of an output that is too large: its size and what it is.
CUT_TYPE = "application/vnd.flowkernel.cut+json"
TEXT = "text/plain"  #: The only part of an output that can be cut in the middle.


class CutOutput(NamedTuple):
    """An output of limited size."""

    output: dict[str, Json]
    size: int  #: Bytes of it, before it was cut.
    is_cut: bool


def notebook_cells(
    notebook: Mapping[str, Any], runs: Iterable[Mapping[str, Any]]
) -> list[dict[str, Json]]:
    """The cells of a notebook, each with how it ran.

    Args:
        notebook: As a file of format 4 has it.
        runs: The cell runs of the execution, in the order in which they started.
    """
    cells = _cells_of(notebook)
    numbers = CellNumbers.of(cells).by_index
    last_runs = {run["cell_id"]: run for run in runs}
    views: list[dict[str, Json]] = []
    room = MAX_VIEW
    for index, cell in enumerate(cells):
        view = _cell_view(cell, index, min(room, MAX_CELL))
        room -= sum(len(dumps(output)) for output in view["outputs"])
        run = last_runs.get(cell.get("id"), {})
        views.append({**view, "number": numbers[index], **_run_view(run)})
    return views


def cell_outputs(notebook: Mapping[str, Any], index: int) -> list[Json] | None:
    """The outputs of one cell, whole; None: there is no such cell."""
    cells = _cells_of(notebook)
    if not 0 <= index < len(cells):
        return None
    return [_joined(output) for output in _outputs_of(cells[index])]


def language_of(notebook: Mapping[str, Any]) -> str:
    """The language of the code of a notebook."""
    metadata = _mapping(notebook.get("metadata"))
    kernelspec = _mapping(metadata.get("kernelspec"))
    language = _mapping(metadata.get("language_info")).get("name")
    return str(kernelspec.get("language") or language or "python")


def _cells_of(notebook: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    cells = notebook.get("cells")
    return [cell for cell in cells if isinstance(cell, dict)] if cells else []


def _outputs_of(cell: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [output for output in cell.get("outputs") or () if isinstance(output, dict)]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _cell_view(cell: Mapping[str, Any], index: int, room: int) -> dict[str, Json]:
    """A cell without its run. `room`: bytes that its outputs may have."""
    source = source_of(cell)
    outputs: list[dict[str, Json]] = []
    total, is_cut = 0, len(source) > MAX_SOURCE
    for output in _outputs_of(cell):
        cut = cut_output(output)
        total += cut.size
        shown_size = min(cut.size, MAX_OUTPUT)
        is_cut = is_cut or cut.is_cut or shown_size > room
        if shown_size <= room:
            outputs.append(cut.output)
            room -= shown_size
    return {
        "index": index,
        "id": str(cell.get("id") or ""),
        "type": str(cell.get("cell_type") or "code"),
        "source": source[:MAX_SOURCE],
        "outputs": outputs,
        "is_cut": is_cut,
        "bytes": total,
    }


def _run_view(run: Mapping[str, Any]) -> dict[str, Json]:
    start, end = run.get("started_at"), run.get("ended_at")
    seconds = None
    if start is not None and end is not None:
        seconds = (
            datetime.fromisoformat(end) - datetime.fromisoformat(start)
        ).total_seconds()
    return {
        "state": run.get("status"),
        "started_at": start,
        "ended_at": end,
        "duration_sec": seconds,
    }


def cut_output(output: Mapping[str, Any]) -> CutOutput:
    """An output of at most about `MAX_OUTPUT` bytes."""
    whole = _joined(output)
    size = _size(whole)
    if size <= MAX_OUTPUT:
        return CutOutput(whole, size, is_cut=False)
    match whole.get("output_type"):
        case "stream":
            return CutOutput({**whole, "text": _cut(whole.get("text"))}, size, True)
        case "error":
            return CutOutput(_cut_error(whole), size, True)
    return CutOutput(_cut_bundle(whole), size, True)


def _cut(text: object) -> str:
    """The beginning of a text, of at most `MAX_OUTPUT` bytes."""
    return _beginning(str(text), MAX_OUTPUT)


def _beginning(text: str, size: int) -> str:
    """As many whole characters as fit in so many bytes."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")


def _size(value: Json) -> int:
    """Bytes of a value as JSON; a file can have half a character."""
    return len(dumps(value).encode("utf-8", "surrogatepass"))


def _cut_error(error: dict[str, Json]) -> dict[str, Json]:
    lines = error.get("traceback")
    text = "\n".join(map(str, lines)) if isinstance(lines, list) else str(lines)
    return {
        "output_type": "error",
        "ename": str(error.get("ename"))[:1_000],
        "evalue": str(error.get("evalue"))[:10_000],
        "traceback": _cut(text).split("\n"),
    }


def _cut_bundle(output: dict[str, Json]) -> dict[str, Json]:
    """An output with the smallest parts of its bundle; one entry says what is missing."""
    sizes = {
        mime_type: _size(content)
        for mime_type, content in _mapping(output.get("data")).items()
    }
    bundle: dict[str, Json] = {}
    missing = ""
    room = MAX_OUTPUT
    for mime_type in sorted(sizes, key=sizes.__getitem__):
        content = output["data"][mime_type]
        if sizes[mime_type] <= room:
            bundle[mime_type] = content
            room -= sizes[mime_type]
        elif mime_type == TEXT and isinstance(content, str):
            bundle[mime_type] = _beginning(content, room)
        else:
            missing = mime_type
    if missing:
        bundle[CUT_TYPE] = {"bytes": sizes[missing], "mime_type": missing}
    return {
        "output_type": output.get("output_type"),
        "data": bundle,
        "metadata": {},
        "execution_count": output.get("execution_count"),
    }


def _joined(output: Mapping[str, Any]) -> dict[str, Json]:
    """An output whose texts are one text each: files may have them line by line."""
    joined = dict(output)
    if isinstance(joined.get("text"), list):
        joined["text"] = "".join(map(str, joined["text"]))
    if isinstance(joined.get("data"), Mapping):
        joined["data"] = {
            mime_type: _joined_content(mime_type, content)
            for mime_type, content in joined["data"].items()
        }
    return joined


def _joined_content(mime_type: str, content: Json) -> Json:
    is_lines = isinstance(content, list) and not mime_type.endswith("json")
    return "".join(map(str, content)) if is_lines else content
