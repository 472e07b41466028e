"""The source of a flow for people: a notebook as text, with a line above each cell. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from flowkernel.core.models import FlowKind
from flowkernel.core.text import plain_text

#: Above each cell, as editors and jupytext know it.
CELL = "# %%"


def readable_source(kind: FlowKind, source: str) -> str:
    """The source as a person reads it; of a notebook its cells, what is no code as comments."""
    if kind is FlowKind.NOTEBOOK:
        source = "\n\n".join(_cell_texts(json.loads(source)))
    return plain_text(source).rstrip("\n")


def _cell_texts(notebook: dict[str, Any]) -> Iterator[str]:
    sheets = notebook.get("worksheets") or [notebook]  # Of formats before 4.
    for cell in (cell for sheet in sheets for cell in sheet.get("cells", ())):
        text = cell.get("source", cell.get("input", ""))
        text = text if isinstance(text, str) else "".join(text)
        yield _cell_text(cell, text)


def _cell_text(cell: dict[str, Any], text: str) -> str:
    kind = cell.get("cell_type", "code")
    tags = (cell.get("metadata") or {}).get("tags")
    head = CELL if kind == "code" else f"{CELL} [{kind}]"
    head += f" tags={json.dumps(tags)}" if tags else ""
    lines = text.splitlines()
    if kind != "code":
        lines = [f"# {line}".rstrip() for line in lines]
    return "\n".join([head, *lines])
