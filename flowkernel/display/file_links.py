"""Paths that a person can click, in terminals that know links (OSC 8)."""

from pathlib import Path
from typing import TextIO

from flowkernel.core.text import plain_text
from flowkernel.display.live_terminal import can_redraw


def file_link(path: Path, stream: TextIO) -> str:
    """The path of a file; on a terminal its folder and its name are links to them."""
    folder, name = plain_text(f"{path.parent}/"), plain_text(path.name)
    if not can_redraw(stream):
        return folder + name
    return _link(path.parent, folder) + _link(path, name)


def _link(path: Path, text: str) -> str:
    return f"\x1b]8;;{path.absolute().as_uri()}\x1b\\{text}\x1b]8;;\x1b\\"
