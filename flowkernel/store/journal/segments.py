"""The files of the journal: which there are, what is in them, and what is damaged."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowkernel.core.errors import EngineFault
from flowkernel.store.journal.frames import (
    Frame,
    FrameContent,
    decoded,
    framed,
    read_frames,
    without,
)

OPEN, CLOSED, DAMAGED = ".journal", ".journal.gz", ".damaged"


@dataclass(frozen=True, slots=True)
class Header:
    """What the first frame of each segment says."""

    journal_id: str  #: As `meta` of the database has it, too.
    base_seq: int  #: Events up to this one are older than the journal: not in it.


def segments(folder: Path) -> list[Path]:
    """The segments in the order of their frames. A compressed one stands for both."""
    found = {
        path.name.partition(".")[0]: path
        for ending in (OPEN, CLOSED)
        for path in folder.glob(f"*{ending}")
    }
    return [found[number] for number in sorted(found)]


def first_of(path: Path) -> int:
    """The number of the first frame of a segment."""
    return int(path.name.partition(".")[0])


def content_of(path: Path) -> bytes:
    """The bytes of a segment, compressed or not.

    Raises:
        EngineFault: It cannot be read.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, ValueError) as error:
        raise EngineFault(
            f"The journal {str(path)!r} cannot be read: {error}."
        ) from error


def header_of(folder: Path) -> Header | None:
    """Which journal lies in the folder; None if there is none."""
    for path in segments(folder):
        for frame in read_frames(content_of(path)):
            if isinstance(frame, Frame) and "journal_id" in frame.says:
                return Header(**json.loads(frame.payload))
    return None


def last_frame(folder: Path) -> int:
    """The number of the last frame that can be read; 0 if there is none."""
    for path in reversed(segments(folder)):
        for part in reversed(list(read_frames(content_of(path)))):
            if isinstance(part, Frame):
                return int(part.says.get("frame", first_of(path) - 1))
    return 0


def frames_after(folder: Path, applied: int) -> Iterator[FrameContent | str]:
    """The frames with a larger number, in order; sentences about what is damaged."""
    paths = segments(folder)
    lasts = [first_of(path) - 1 for path in paths[1:]]
    number = applied
    for path, last in zip(paths, [*lasts, None], strict=True):
        if last is not None and last <= applied:
            continue
        for frame in frames_of(path, is_newest=last is None):
            if isinstance(frame, str):
                yield frame
            elif (told := frame.says.get("frame", 0)) > applied:
                if told != number + 1:
                    yield f"Frames {number + 1} to {told - 1} are not in the journal."
                number = told
                yield decoded(frame.payload)


def frames_of(path: Path, *, is_newest: bool) -> Iterator[Frame | str]:
    """The frames of one segment; sentences about what is damaged."""
    try:
        content = content_of(path)
    except EngineFault as error:
        yield str(error)
        return
    for part in read_frames(content):
        if isinstance(part, Frame):
            yield part
        elif not (part.is_tail and is_newest):  # Else it is being written, or was.
            yield f"{str(path)!r} is damaged from byte {part.start} to {part.end}."


def damages(folder: Path) -> list[str]:
    """What is wrong with the journal, as sentences. Reads each segment."""
    paths = segments(folder)
    told = [
        part
        for path in paths
        for part in frames_of(path, is_newest=path == paths[-1])
        if isinstance(part, str)
    ]
    put_aside = folder.glob(f"*{DAMAGED}")
    return [*told, *(f"{str(path)!r} could not be read at all." for path in put_aside)]


def forget_pruned(folder: Path) -> int:
    """Take what was pruned out of the closed segments; how many bytes smaller they are.

    The frames that say what was pruned stay, so that it can be done again at any time.
    """
    paths = segments(folder)
    ids: set[bytes] = set()
    for path in paths:
        for frame in frames_of(path, is_newest=path == paths[-1]):
            if isinstance(frame, Frame):
                ids.update(one.encode() for one in frame.says.get("pruned", ()))
    before = size_of(paths)
    for path in paths[:-1] if ids else ():
        content = content_of(path)
        lines = (
            framed(without(part.payload, ids))
            if isinstance(part, Frame)
            else content[part.start : part.end]
            for part in read_frames(content)
        )
        smaller = b"".join(lines)
        if len(smaller) < len(content):
            compress(path, smaller)
    return before - size_of(segments(folder))


def size_of(paths: Iterable[Path]) -> int:
    """What these files take."""
    return sum(path.stat().st_size for path in paths)


def compress(path: Path, content: bytes | None = None) -> None:
    """Put a compressed segment in the place of one, in one step."""
    number = path.name.partition(".")[0]
    draft, target = path.with_name(f"{number}.part"), path.with_name(number + CLOSED)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(gzip.compress(path.read_bytes() if content is None else content, 1))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, target)
    sync_folder(path.parent)
    path.with_name(number + OPEN).unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """See that a new name in a folder is on disk."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
