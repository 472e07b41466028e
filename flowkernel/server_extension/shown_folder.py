"""The folder that Jupyter shows, and the files in it."""

import asyncio
from pathlib import Path, PurePosixPath
from typing import Any

from flowkernel.core.errors import BadArgument

NO_FOLDER = (
    "This Jupyter Server shows no folder of this machine, so its files cannot be run from "
    "here. Register the flow in a notebook, with %%flow."
)


class ShownFolder:
    """The root of a Jupyter Server.

    Args:
        contents_manager: That of Jupyter Server; some of them have no folder.
    """

    def __init__(self, contents_manager: Any) -> None:
        root = getattr(contents_manager, "root_dir", None)
        is_folder = bool(root) and Path(str(root)).is_dir()
        #: None: it shows no folder of this machine.
        self.root = Path(str(root)).absolute() if is_folder else None
        #: Held from the choice of a name to the file: two files at once get two names.
        self.turn = asyncio.Lock()
        self._allows_hidden = bool(getattr(contents_manager, "allow_hidden", False))

    def file(self, path: str) -> Path:
        """The file at a path as Jupyter has it: relative to the root, with `/`.

        A link in the folder counts as in it, as in Jupyter.

        Raises:
            BadArgument: It is not in the folder that Jupyter shows.
        """
        if self.root is None:
            raise BadArgument(NO_FOLDER)
        parts = PurePosixPath(path).parts
        if not parts or not all(map(self._is_shown, parts)):
            raise BadArgument(
                f"{path[:200]!r} is no file in the folder that Jupyter shows."
            )
        return self.root.joinpath(*parts)

    def _is_shown(self, name: str) -> bool:
        is_hidden = name.startswith(".") and not self._allows_hidden
        is_elsewhere = name in ("", ".", "..") or any(char in name for char in "\\\0:")
        return not (is_hidden or is_elsewhere or name.startswith("/"))

    def folder_of(self, path: Path | None) -> str:
        """The folder of a file as Jupyter has it; the root if Jupyter does not show it."""
        if path is None or self.root is None:
            return ""
        folder = path.parent.resolve()
        root = self.root.resolve()
        if not folder.is_relative_to(root):
            return ""
        parts = folder.relative_to(root).parts
        return "/".join(parts) if all(map(self._is_shown, parts)) else ""
