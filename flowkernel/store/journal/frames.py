"""The bytes of the journal: frames with a checksum, and what is in a frame.

A frame is

    4 bytes   b"FKJ1", so that a frame can be found behind a damaged one
    4 bytes   the length of the payload, little-endian
    4 bytes   CRC-32 of the payload, with the length as its start value, little-endian
    ...       the payload: lines of JSON in UTF-8

The first line is the summary: the number of the frame (`frame`; numbers count up by one), the
moment (`at`), and the changes besides events: `flows` (null: deleted), `versions`, and the ids
that were `pruned`. Each further line is an event as it was decided. It begins with `root_id`,
`event_id` and `execution_id`, so that these are at fixed places: looking for the events of
some executions needs no reading of the JSON.

The first frame of a segment has no number: it is the header, which says whose journal this is.
"""

import json
import struct
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zlib import crc32

from flowkernel.core.json_values import dumps
from flowkernel.core.models import Event, Flow, FlowVersion, Json
from flowkernel.store.pending_changes import DatedVersion, PendingChanges

MAGIC = b"FKJ1"
HEAD = struct.Struct("<4sII")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, from byte `start` of a segment to byte `end`, exclusive."""

    start: int
    end: int
    payload: bytes

    @property
    def summary(self) -> dict[str, Json]:
        """The first line of the payload; of the first frame, the header of the segment."""
        summary: dict[str, Json] = json.loads(self.payload.split(b"\n", 1)[0])
        return summary


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment, from `start` to `end`, exclusive, that are not a frame."""

    start: int
    end: int
    is_tail: bool  #: No frame follows. Most likely it was being written.


@dataclass
class FrameContent:
    """What is in the payload of a frame."""

    frame: int
    size: int
    events: list[Event]
    flows: dict[str, Flow | None] = field(default_factory=dict)
    versions: list[DatedVersion] = field(default_factory=list)
    pruned: set[str] = field(default_factory=set)


def frame_bytes(payload: bytes) -> bytes:
    """The payload as a frame."""
    size = len(payload)
    return HEAD.pack(MAGIC, size, crc32(payload, size)) + payload


def read_frames(content: bytes) -> Iterator[Frame | Damage]:
    """Everything that is in a segment, in order."""
    offset = 0
    while offset < len(content):
        frame = _frame_at(content, offset)
        if frame is None:
            next_start = _find_frame(content, offset + 1)
            end = next_start or len(content)
            yield Damage(offset, end, is_tail=next_start is None)
            if next_start is None:
                return
            offset = next_start
        else:
            yield frame
            offset = frame.end


def _frame_at(content: bytes, offset: int) -> Frame | None:
    if len(content) - offset < HEAD.size:
        return None
    magic, size, checksum = HEAD.unpack_from(content, offset)
    start = offset + HEAD.size
    payload = content[start : start + size]
    if magic != MAGIC or len(payload) < size or crc32(payload, size) != checksum:
        return None
    return Frame(offset, start + size, payload)


def _find_frame(content: bytes, offset: int) -> int | None:
    """Where the next frame starts, at `offset` or behind it."""
    while (offset := content.find(MAGIC, offset)) >= 0:
        if _frame_at(content, offset) is not None:
            return offset
        offset += 1
    return None


def encode(changes: PendingChanges, number: int, moment: datetime) -> bytes:
    """Changes as the payload of a frame."""
    summary: dict[str, Json] = {"frame": number, "at": moment.isoformat()}
    if changes.flows:
        flows = changes.flows.items()
        summary["flows"] = {name: flow and flow.to_json() for name, flow in flows}
    if changes.versions:
        summary["versions"] = [
            {**version.to_json(), "created_at": created_at.isoformat()}
            for version, created_at in changes.versions.values()
        ]
    if changes.pruned:
        summary["pruned"] = sorted(changes.pruned)
    return "\n".join([dumps(summary), *map(_event_line, changes.events)]).encode()


def _event_line(event: Event) -> str:
    return dumps({"root_id": event.root_id, **event.to_json()})


def decode(payload: bytes) -> FrameContent:
    """What is in the payload of a frame. The reverse of `encode`."""
    first, *lines = payload.split(b"\n")
    summary = json.loads(first)
    flows: Iterable[tuple[str, Json]] = summary.get("flows", {}).items()
    return FrameContent(
        frame=summary["frame"],
        size=len(payload),
        events=[Event.from_json(json.loads(line)) for line in lines],
        flows={name: Flow.from_json(flow) if flow else None for name, flow in flows},
        versions=[
            DatedVersion(
                FlowVersion.from_json(version),
                datetime.fromisoformat(version["created_at"]).astimezone(UTC),
            )
            for version in summary.get("versions", ())
        ],
        pruned=set(summary.get("pruned", ())),
    )


def _id_slice(prefix: str) -> slice:
    """Where the id is in the line of an event that begins with `prefix`."""
    return slice(len(prefix), len(prefix) + 36)


ROOT_ID = _id_slice('{"root_id":"')
EXECUTION_ID = _id_slice(f'{{"root_id":"{0:036}","event_id":"{0:036}","execution_id":"')


def remove_events(payload: bytes, ids: Set[bytes]) -> bytes:
    """The payload without the events of these families (ids of roots) and executions."""
    first, *lines = payload.split(b"\n")
    remaining = (
        line
        for line in lines
        if line[ROOT_ID] not in ids and line[EXECUTION_ID] not in ids
    )
    return b"\n".join([first, *remaining])
