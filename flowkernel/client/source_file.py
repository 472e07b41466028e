"""The file of a flow: its path, its text, and the name that the flow gets from it."""

import tokenize
from contextlib import suppress
from itertools import islice
from pathlib import Path

from flowkernel.core.errors import BadArgument, FileMissing, NotANotebook
from flowkernel.core.json_values import MAX_NAME
from flowkernel.core.suggestions import suggestion

#: What to do about a file that is not there, where no other one has a name like that.
OTHER_FOLDER = "Check the spelling and the folder you are in."
MAX_ENTRIES = 10_000  #: Of a folder, that a name is compared with.


def file_path(target: str, cwd: Path | None = None) -> Path:
    """The path of a file. A link stays one: it runs in its own folder, as in Jupyter.

    Raises:
        BadArgument: It cannot be a path.
    """
    try:
        path = (cwd or Path.cwd()) / Path(target).expanduser()
        resolved = path.resolve()  # Refuses what cannot be a path, also in the name.
        return resolved if path.name == ".." else path.parent.resolve() / path.name
    except (ValueError, RuntimeError, OSError) as error:
        raise BadArgument(f"{target!r} cannot be used as a path: {error}.") from error


def flow_name_of(path: Path) -> str:
    """The name of a flow that comes from a file: that of the file, as far as it can be one."""
    name = "".join(
        c if c.isprintable() and c not in "/\\" else "_" for c in path.stem
    ).strip()
    return name[:MAX_NAME].strip() or "notebook"


def read_text(path: Path, target: str) -> str:
    """The text of a file: UTF-8; of a script, what it says in its first lines.

    Raises:
        FileMissing, NotANotebook, BadArgument: It cannot be read, or is no text.
    """
    try:
        return _decoded(path.read_bytes(), path.suffix)
    except OSError as error:
        raise FileMissing(_why_unreadable(path, target, error)) from error
    except (UnicodeDecodeError, SyntaxError) as error:
        if path.suffix == ".ipynb":
            raise NotANotebook(target, "it is not text") from error
        raise BadArgument(
            f"{target!r} is not text in UTF-8. Save it as UTF-8."
        ) from error


def _decoded(content: bytes, suffix: str) -> str:
    """The text, without a byte order mark, its lines as Python reads them."""
    encoding = "utf-8-sig"
    if suffix == ".py":
        encoding, _ = tokenize.detect_encoding(iter(content.splitlines(True)).__next__)
    return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def names_in(folder: Path) -> list[str]:
    """What is in a folder; nothing if it cannot be read."""
    with suppress(OSError):
        return [entry.name for entry in islice(folder.iterdir(), MAX_ENTRIES)]
    return []


def _why_unreadable(path: Path, target: str, error: OSError) -> str:
    match error:
        case FileNotFoundError():
            advice = suggestion(path.name, names_in(path.parent), OTHER_FOLDER)
            return f"There is no file {target!r} (looked for {str(path)!r}). {advice}"
        case IsADirectoryError():
            return f"{target!r} is a folder. Name a file in it."
        case PermissionError():
            return f"You may not read {str(path)!r}. Change its permissions or copy it."
        case _:
            reason = (error.strerror or str(error)).lower()
            return f"{target!r} cannot be read: {reason}. Check the path."
