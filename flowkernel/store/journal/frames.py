"""The bytes of the journal: frames, each with a check sum, and what is in one.

A frame is

    4 bytes   b"FKJ1", so that the next one can be found behind one that is damaged
    4 bytes   the length of what follows the check sum, little-endian
    4 bytes   CRC-32 of what follows, begun with the length; little-endian
    ...       lines of JSON in UTF-8

The first line of a frame says its number (they count up by one), the moment, and what
changed besides executions: `flows` (null: deleted), `versions`, and the roots of the families
and the executions that were `pruned`. Each further line is an
event as it was decided. `root_id`, `event_id` and `execution_id` come first in it, always at
the same place: whoever looks for the events of some need not read the JSON of the others.

The first frame of a segment has no number: it says which journal this is.
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
    """One frame, as it lies in a segment from `start` to `end`."""

    start: int
    end: int
    payload: bytes

    @property
    def says(self) -> dict[str, Json]:
        """The first line."""
        said: dict[str, Json] = json.loads(self.payload.split(b"\n", 1)[0])
        return said


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment, from `start` to `end`, that are no frame."""

    start: int
    end: int
    is_tail: bool  #: No frame follows: most likely one that was being written.


@dataclass
class FrameContent:
    """What a frame tells."""

    frame: int
    size: int
    events: list[Event]
    flows: dict[str, Flow | None] = field(default_factory=dict)
    versions: list[DatedVersion] = field(default_factory=list)
    pruned: set[str] = field(default_factory=set)


def framed(payload: bytes) -> bytes:
    """The payload as a frame."""
    size = len(payload)
    return HEAD.pack(MAGIC, size, crc32(payload, size)) + payload


def read_frames(content: bytes) -> Iterator[Frame | Damage]:
    """All that is in a segment, in order."""
    at = 0
    while at < len(content):
        frame = _frame_at(content, at)
        if frame is None:
            follows = _next_frame(content, at + 1)
            yield Damage(at, follows or len(content), is_tail=follows is None)
            if follows is None:
                return
            at = follows
        else:
            yield frame
            at = frame.end


def _frame_at(content: bytes, at: int) -> Frame | None:
    if len(content) - at < HEAD.size:
        return None
    magic, size, checksum = HEAD.unpack_from(content, at)
    start = at + HEAD.size
    payload = content[start : start + size]
    if magic != MAGIC or len(payload) < size or crc32(payload, size) != checksum:
        return None
    return Frame(at, start + size, payload)


def _next_frame(content: bytes, at: int) -> int | None:
    while (at := content.find(MAGIC, at)) >= 0:
        if _frame_at(content, at) is not None:
            return at
        at += 1
    return None


def encoded(changes: PendingChanges, number: int, at: datetime) -> bytes:
    """What a batch changed, as the payload of a frame."""
    says: dict[str, Json] = {"frame": number, "at": at.isoformat()}
    if changes.flows:
        flows = changes.flows.items()
        says["flows"] = {name: flow and flow.to_json() for name, flow in flows}
    if changes.versions:
        says["versions"] = [
            {**version.to_json(), "created_at": created_at.isoformat()}
            for version, created_at in changes.versions.values()
        ]
    if changes.pruned:
        says["pruned"] = sorted(changes.pruned)
    return "\n".join([dumps(says), *map(_line, changes.events)]).encode()


def _line(event: Event) -> str:
    return dumps({"root_id": event.root_id, **event.to_json()})


def decoded(payload: bytes) -> FrameContent:
    """What a frame tells. The reverse of `encoded`."""
    first, *lines = payload.split(b"\n")
    says = json.loads(first)
    flows: Iterable[tuple[str, Json]] = says.get("flows", {}).items()
    return FrameContent(
        frame=says["frame"],
        size=len(payload),
        events=[Event.from_json(json.loads(line)) for line in lines],
        flows={name: Flow.from_json(flow) if flow else None for name, flow in flows},
        versions=[
            DatedVersion(
                FlowVersion.from_json(version),
                datetime.fromisoformat(version["created_at"]).astimezone(UTC),
            )
            for version in says.get("versions", ())
        ],
        pruned=set(says.get("pruned", ())),
    )


def _place(before: str) -> slice:
    """Where an id stands in the line of an event."""
    return slice(len(before), len(before) + 36)


ROOT_ID = _place('{"root_id":"')
EXECUTION_ID = _place(f'{{"root_id":"{0:036}","event_id":"{0:036}","execution_id":"')


def without(payload: bytes, ids: Set[bytes]) -> bytes:
    """The payload of a frame without the events of some families and executions."""
    first, *lines = payload.split(b"\n")
    kept = (
        line
        for line in lines
        if line[ROOT_ID] not in ids and line[EXECUTION_ID] not in ids
    )
    return b"\n".join([first, *kept])
