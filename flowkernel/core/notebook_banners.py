"""What flowkernel adds to an output notebook when a person decided on a cell. Pure.

It is about that run. So a run of the output notebook begins without it.
"""

from typing import Any

from flowkernel.core.json_record import Json

BANNER_TAG = "flowkernel-decision"  #: The tag of a cell that says what a person did.
DECISIONS = "decisions"  #: Its counterpart in `metadata.flowkernel` of a cell that ran.


def without_banners(cells: list[Any]) -> list[Any]:
    """The cells of a notebook without the decisions of an earlier run; changes metadata."""
    own = [cell for cell in cells if not _is_banner(cell)]
    for cell in own:
        decided = _metadata(cell).get("flowkernel")
        if isinstance(decided, dict) and decided.pop(DECISIONS, None) and not decided:
            del cell["metadata"]["flowkernel"]
    return own


def _is_banner(cell: Json) -> bool:
    tags = _metadata(cell).get("tags")
    return isinstance(tags, list) and BANNER_TAG in tags


def _metadata(cell: Json) -> dict[str, Json]:
    metadata = cell.get("metadata") if isinstance(cell, dict) else None
    return metadata if isinstance(metadata, dict) else {}
