"""Deleting executions with their output notebooks, also if the engine is killed meanwhile.

The rows are deleted first, then the files. A note on disk says which files: without it, nothing
would know of them once the rows are gone.
"""

import json
from collections.abc import Callable, Collection
from contextlib import suppress
from logging import getLogger
from pathlib import Path

from flowkernel.core.clock import new_id
from flowkernel.core.errors import EngineError
from flowkernel.core.json_values import dumps
from flowkernel.core.per_process import PerProcess
from flowkernel.engine.notebook_paths import first_path, paths_of_attempts
from flowkernel.home import home_error, open_private
from flowkernel.store import Store

#: How a note is called, in the folder of the notebooks: with the process that wrote it. A
#: later one may have the same process id, so that this is one of our own.
NOTE = "removing-{process}-{id}.json"
#: In place of the process: the deletion is over, but the tables lack what it has deleted.
LATER = "later"
_process = PerProcess(new_id)
log = getLogger(__name__)


def delete_with_notebooks(
    store: Store, home: Path, ids: Collection[str], delete: Callable[[], list[str]]
) -> list[int]:
    """Delete executions and their notebooks; the sizes of the notebooks, in bytes.

    Args:
        ids: Of what may be deleted: of roots, for their families, and of single executions.
        delete: Deletes the rows; returns the paths of the notebooks of what was deleted.

    Raises:
        DiskFull, HomeNotWritable: Nothing is deleted. And what `delete` raises.
    """
    note = _write_note(home, ids, store.notebook_paths(ids))
    try:
        paths = delete()
    except BaseException:
        try:
            _remove_noted(store, home, note)
        except EngineError:
            note.rename(note.with_name(NOTE.format(process=LATER, id=new_id())))
        raise
    sizes = [size for path in paths for size in remove_attempts(home, path)]
    note.unlink(missing_ok=True)
    return sizes


def remove_left(store: Store, home: Path) -> None:
    """Remove the notebooks that an engine was killed before it could remove."""
    own = NOTE.format(process=_process.get(), id="*")
    own_notes = set(_folder(home).glob(own))
    for note in _folder(home).glob(NOTE.format(process="*", id="*")):
        if note not in own_notes:
            _remove_noted(store, home, note)


def remove_attempts(home: Path, path: str) -> list[int]:
    """Remove the output notebooks of all attempts at an execution; their sizes, in bytes.

    `path`: of the last attempt, as it is recorded.
    """
    sizes = [remove(home, file) for file in paths_of_attempts(home, path)]
    return [size for size in sizes if size is not None]


def remove(home: Path, path: str) -> int | None:
    """Remove an output notebook; its size in bytes, or None if there is none.

    A path that leads out of the folder of the notebooks is left alone.
    """
    folder = _folder(home).resolve()
    file = (home / path).resolve()
    if folder not in file.parents:
        return None
    with suppress(OSError):
        size = file.stat().st_size
        file.unlink()
        return size
    return None


def _folder(home: Path) -> Path:
    return home / "notebooks"


def _write_note(home: Path, ids: Collection[str], paths: list[str]) -> Path:
    note = _folder(home) / NOTE.format(process=_process.get(), id=new_id())
    content = dumps({"ids": list(ids), "paths": paths})
    try:
        with open(note, "w", encoding="utf-8", opener=open_private) as file:
            file.write(content)
    except OSError as error:
        note.unlink(missing_ok=True)
        raise home_error(home, error) from error
    return note


def _remove_noted(store: Store, home: Path, note: Path) -> None:
    """Remove the notebooks of a note whose executions are gone, and the note.

    Raises:
        DiskFull, EngineFault: The tables lack what was deleted. The note stays.
    """
    ids, paths = _read_note(note)
    # One that is kept may be at another attempt since.
    kept = set(map(first_path, store.notebook_paths(ids)))
    for path in paths:
        if first_path(path) not in kept:
            remove_attempts(home, path)
    note.unlink(missing_ok=True)


def _read_note(note: Path) -> tuple[list[str], list[str]]:
    try:
        record = json.loads(note.read_text("utf-8"))
        return list(record["ids"]), list(map(str, record["paths"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("passed over, as it cannot be read: %r: %r", str(note), error)
        return [], []
