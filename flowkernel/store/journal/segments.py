"""The files of the journal, called segments: listing, reading, checking, shrinking them."""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flowkernel.core.errors import EngineFault
from flowkernel.core.private_files import sync_folder
from flowkernel.store.journal.frames import (
    Frame,
    FrameContent,
    decode,
    frame_bytes,
    read_frames,
    remove_events,
)

OPEN, CLOSED, DAMAGED = ".journal", ".journal.gz", ".damaged"


@dataclass(frozen=True, slots=True)
class Header:
    """The first frame of each segment."""

    journal_id: str  #: The same as in the table `meta` of the database.
    base_seq: int  #: The journal lacks the events up to this one: it began after them.


def list_segments(folder: Path) -> list[Path]:
    """The segments in the order of their frames. If one is compressed, only that file."""
    paths = {
        path.name.partition(".")[0]: path
        for ending in (OPEN, CLOSED)
        for path in folder.glob(f"*{ending}")
    }
    return [paths[number] for number in sorted(paths)]


def first_frame(path: Path) -> int:
    """The number of the first frame of a segment."""
    return int(path.name.partition(".")[0])


def read_segment(path: Path) -> bytes:
    """The bytes of a segment, decompressed if need be.

    Raises:
        EngineFault: It cannot be read.
    """
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise EngineFault(
            f"The journal {str(path)!r} cannot be read: {error}."
        ) from error


def read_header(folder: Path) -> Header | None:
    """Which journal lies in the folder; None if there is none.

    Raises:
        EngineFault: A segment cannot be read.
    """
    for path in list_segments(folder):
        for frame in read_frames(read_segment(path)):
            if isinstance(frame, Frame) and "journal_id" in frame.summary:
                return Header(**json.loads(frame.payload))
    return None


def last_frame(folder: Path) -> int:
    """The number of the last frame that can be read; 0 if there is none.

    Raises:
        EngineFault: A segment cannot be read.
    """
    for path in reversed(list_segments(folder)):
        for part in reversed(list(read_frames(read_segment(path)))):
            if isinstance(part, Frame):
                return int(part.summary.get("frame", first_frame(path) - 1))
    return 0


def frames_after(folder: Path, applied: int) -> Iterator[FrameContent | str]:
    """The frames whose number is greater, in order; and sentences about what is damaged."""
    paths = list_segments(folder)
    last_numbers = [first_frame(path) - 1 for path in paths[1:]]
    previous = applied
    for path, last in zip(paths, [*last_numbers, None], strict=True):
        if last is not None and last <= applied:
            continue
        for frame in read_segment_frames(path, is_newest=last is None):
            if isinstance(frame, str):
                yield frame
            elif (number := frame.summary.get("frame", 0)) > applied:
                if number != previous + 1:
                    yield f"Frames {previous + 1} to {number - 1} are not in the journal."
                previous = number
                yield decode(frame.payload)


def read_segment_frames(path: Path, *, is_newest: bool) -> Iterator[Frame | str]:
    """The frames of one segment; and sentences about what is damaged."""
    try:
        content = read_segment(path)
    except EngineFault as error:
        yield str(error)
        return
    for part in read_frames(content):
        if isinstance(part, Frame):
            yield part
        elif not (part.is_tail and is_newest):  # Otherwise it is or was being written.
            yield f"{str(path)!r} is damaged from byte {part.start} to {part.end}."


def find_damage(folder: Path) -> list[str]:
    """What is wrong with the journal, as sentences. Reads every segment."""
    paths = list_segments(folder)
    sentences = [
        part
        for path in paths
        for part in read_segment_frames(path, is_newest=path == paths[-1])
        if isinstance(part, str)
    ]
    set_aside = folder.glob(f"*{DAMAGED}")
    return sentences + [
        f"{str(path)!r} could not be read at all." for path in set_aside
    ]


def remove_pruned(folder: Path) -> int:
    """Remove pruned events from the closed segments; return how many bytes that frees.

    The summaries that say what was pruned stay, so that this can be repeated at any time.
    """
    paths = list_segments(folder)
    ids = _pruned_ids(paths)
    size_before = _total_size(paths)
    if ids:
        erase(folder, ids)
    return size_before - _total_size(list_segments(folder))


def erase(folder: Path, ids: set[bytes]) -> None:
    """Remove the events of some families and executions from the closed segments.

    Only segments that have some of them are written again.

    Raises:
        EngineFault: One cannot be read. All others are done.
    """
    faults = []
    for path in list_segments(folder)[:-1]:
        try:
            content = read_segment(path)
        except EngineFault as fault:
            faults.append(fault)
            continue
        smaller = _without_events(content, ids)
        if len(smaller) < len(content):
            compress(path, smaller)
    remove_replaced(folder)
    if faults:
        raise faults[0]


def remove_replaced(folder: Path) -> None:
    """Remove segments that have a compressed one in their place: a kill came in between."""
    for path in folder.glob(f"*{CLOSED}"):
        path.with_name(path.name.partition(".")[0] + OPEN).unlink(missing_ok=True)


def has_events(folder: Path, ids: set[bytes]) -> bool:
    """Whether the newest segment has events of these families or executions."""
    path = next(reversed(list_segments(folder)), None)
    content = read_segment(path) if path is not None else b""
    return len(_without_events(content, ids)) < len(content)


def _pruned_ids(paths: list[Path]) -> set[bytes]:
    ids: set[bytes] = set()
    for path in paths:
        for frame in read_segment_frames(path, is_newest=path == paths[-1]):
            if isinstance(frame, Frame):
                ids.update(id_.encode() for id_ in frame.summary.get("pruned", ()))
    return ids


def _without_events(content: bytes, ids: set[bytes]) -> bytes:
    """A segment without the events of some families and executions. Damage stays."""
    return b"".join(
        frame_bytes(remove_events(part.payload, ids))
        if isinstance(part, Frame)
        else content[part.start : part.end]
        for part in read_frames(content)
    )


def _total_size(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def compress(path: Path, content: bytes | None = None) -> None:
    """Replace a segment by a compressed one, in one step.

    Args:
        path: The segment, compressed or not.
        content: What the new one has; None: what the segment has, which is not compressed.
    """
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
