"""A notebook of any format and shape that nbformat reads, as one of format 4.5.

What papermill runs, a worker runs: a part that has no meaning, such as `tags: null`, is passed
over.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import nbformat
from nbformat import reader

from flowkernel.core.errors import NotANotebook
from flowkernel.core.models import Json
from flowkernel.core.notebook_banners import without_banners

#: Parts of the metadata of a notebook that are objects, or not there.
OBJECTS = ("kernelspec", "language_info", "papermill", "widgets")
NEWEST = nbformat.v4.nbformat


def notebook_of(source: str, name: str) -> nbformat.NotebookNode:
    """The notebook in the text of a file; each cell has the same id every time.

    Args:
        source: Its JSON.
        name: What an error calls it.

    Raises:
        NotANotebook: nbformat cannot read it.
    """
    try:
        return _read(json.loads(source))
    except Exception as error:  # Whatever: its readers check nothing.
        reason = (
            f"it cannot be read as one of format 4 ({type(error).__name__}: {error})"
        )
        raise NotANotebook(name, reason) from error


def source_hash(source: str) -> str:
    """The `source_hash` of a cell run: SHA-256, as hexadecimal digits."""
    return sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def _read(record: dict[str, Json]) -> nbformat.NotebookNode:
    if record["nbformat"] == NEWEST:
        _repair(record)
        record["cells"] = without_banners(record["cells"])
    own_ids = list(_ids(record))
    notebook = nbformat.convert(reader.reads(json.dumps(record)), NEWEST)
    # What comes from format 3 has nodes of another class, which papermill does not know.
    notebook = nbformat.from_dict(nbformat.v4.upgrade(notebook))
    for index, cell in enumerate(notebook.cells):
        own_id = own_ids[index] if index < len(own_ids) else None
        cell["id"] = own_id or source_hash(f"{index}:{cell.source}")[:8]
        _repair_tags(cell.metadata)
    return notebook


def _ids(record: dict[str, Json]) -> Iterator[str | None]:
    """The id of each cell; None if it has none, or that of a cell before."""
    known: set[str] = set()
    for cell in record.get("cells", []):
        cell_id = cell.get("id")
        is_new = isinstance(cell_id, str) and bool(cell_id) and cell_id not in known
        yield cell_id if is_new else None
        known.add(str(cell_id))


def _repair(record: dict[str, Json]) -> None:
    """Remove what has no meaning, in place."""
    minor = record.get("nbformat_minor")
    record["nbformat_minor"] = minor if isinstance(minor, int) else 0
    metadata = record.get("metadata") or {}
    record["metadata"] = {
        name: value
        for name, value in metadata.items()
        if name not in OBJECTS or isinstance(value, dict)
    }
    for cell in record["cells"]:
        cell["metadata"] = cell.get("metadata") or {}


def _repair_tags(metadata: dict[str, Any]) -> None:
    if metadata.get("tags", []) is None:
        del metadata["tags"]
