"""The journal: what was written completely is read again, and nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkernel.core.errors import EngineFault
from flowkernel.core.models import Event, EventKind, Flow, FlowKind, FlowVersion
from flowkernel.store.journal import journal as journal_module
from flowkernel.store.journal.frames import (
    Damage,
    Frame,
    FrameContent,
    decode,
    encode,
    frame_bytes,
    read_frames,
)
from flowkernel.store.journal.journal import Journal
from flowkernel.store.journal.segments import (
    Header,
    compress,
    find_damage,
    frames_after,
    list_segments,
    read_header,
)
from flowkernel.store.pending_changes import DatedVersion, PendingChanges

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ID = "00000000-0000-7000-8000-000000000000"
HEADER = Header(journal_id=ID, base_seq=0)
FLOW = Flow(name="f", kind=FlowKind.CELL, source="ü\n", registered_at=NOON)
VERSION = FlowVersion(
    flow_version="v", flow_name="f", kind=FlowKind.CELL, source="1", path="a.py"
)


def changes(number: int, text: str = "text\n with lines") -> PendingChanges:
    event = Event(
        event_id=f"{ID[:-4]}{number:04x}",
        execution_id=ID,
        root_id=ID,
        kind=EventKind.LOGGED,
        happened_at=NOON,
        payload={"stream": "stdout", "text": text, "big": 10**30},
        seq=number,
    )
    return PendingChanges(events=[event])


def open_journal(folder: Path, *, applied: int = 0) -> Journal:
    return Journal(folder, HEADER, applied=applied)


def write_journal(folder: Path, count: int) -> Path:
    """Write a journal of so many frames; return its only segment."""
    journal = open_journal(folder)
    for number in range(1, count + 1):
        journal.append(changes(number))
    journal.close()
    (path,) = list_segments(folder)
    return path


def numbers(folder: Path, applied: int = 0) -> list[int]:
    """The numbers of the undamaged frames after `applied`."""
    return [
        item.frame
        for item in frames_after(folder, applied)
        if isinstance(item, FrameContent)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_a_frame_has_all_changes():
    original = changes(7)
    original.flows = {"f": FLOW, "deleted": None}
    original.versions = {"v": DatedVersion(VERSION, NOON)}

    content = decode(encode(original, 3, NOON))

    assert content.frame == 3
    assert content.events == original.events
    assert content.flows == original.flows
    assert content.versions == [DatedVersion(VERSION, NOON)]


@given(st.lists(st.binary(max_size=60), max_size=6), st.binary(max_size=40))
def test_frames_come_back_whatever_is_in_them(payloads, tail):
    content = b"".join(map(frame_bytes, payloads))

    parts = list(read_frames(content + tail))

    assert [p.payload for p in parts if isinstance(p, Frame)] == payloads
    damage = [p for p in parts if isinstance(p, Damage)]
    expected = [Damage(len(content), len(content + tail), True)] if tail else []
    assert damage == expected


@given(st.data())
def test_a_flipped_bit_costs_one_frame_and_is_reported(data):
    payloads = [
        b"first",
        frame_bytes(b"a frame in a frame"),
        b"",
        b"last but one",
        b"last",
    ]
    frames = [frame_bytes(payload) for payload in payloads]
    content = bytearray(b"".join(frames))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))

    parts = list(read_frames(bytes(content)))

    hit = next(n for n in range(5) if position < len(b"".join(frames[: n + 1])))
    payloads_read = [p.payload for p in parts if isinstance(p, Frame)]
    undamaged = [payload for n, payload in enumerate(payloads) if n != hit]
    # A frame within the damaged one may be found; it would not have a number.
    assert [p for p in payloads_read if p != b"a frame in a frame"] == undamaged
    assert any(isinstance(part, Damage) for part in parts)


def test_a_tail_that_was_torn_at_any_byte_is_cut_off(folder):
    path = write_journal(folder, 2)
    content = path.read_bytes()
    second = [part.start for part in read_frames(content)][2]

    for length in range(second, len(content)):
        path.write_bytes(content[:length])
        journal = open_journal(folder)
        journal.append(changes(2))
        journal.close()

        assert numbers(folder) == [1, 2]
        assert find_damage(folder) == []


def test_a_torn_header_is_written_again(folder):
    path = write_journal(folder, 0)
    content = path.read_bytes()

    for length in range(len(content)):
        path.write_bytes(content[:length])
        journal = open_journal(folder)
        journal.append(changes(1))
        journal.close()

        assert (numbers(folder), read_header(folder)) == ([1], HEADER)


def test_frames_after_a_damaged_one_are_kept_and_the_damage_is_reported(folder):
    path = write_journal(folder, 4)
    content = bytearray(path.read_bytes())
    start = [part.start for part in read_frames(bytes(content))][2]
    content[start + 20] ^= 1
    path.write_bytes(content)

    open_journal(folder).close()

    items = list(frames_after(folder, 0))
    assert numbers(folder) == [1, 3, 4]
    assert [item for item in items if isinstance(item, str)][1:] == [
        "Frames 2 to 2 are not in the journal."
    ]
    assert len(find_damage(folder)) == 1
    assert f"is damaged from byte {start}" in find_damage(folder)[0]


def test_a_damaged_end_that_the_tables_have_is_not_cut_off(folder):
    """The damage stays visible, and the number of the frame is not used twice."""
    path = write_journal(folder, 3)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    journal = open_journal(folder, applied=3)
    journal.append(changes(4))
    journal.close()

    assert path.read_bytes() == content
    assert numbers(folder, 3) == [4]
    assert len(find_damage(folder)) == 1


def test_a_segment_that_cannot_be_read_at_all_is_set_aside(folder):
    path = write_journal(folder, 20)
    path.write_bytes(bytes(len(path.read_bytes())))

    journal = open_journal(folder, applied=0)
    journal.append(changes(1))
    journal.close()

    assert numbers(folder) == [1]
    assert len(find_damage(folder)) == 1


def test_full_segments_are_closed_and_compressed(folder, monkeypatch):
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 600)
    journal = open_journal(folder)

    for number in range(1, 11):
        journal.append(changes(number))
        journal.compress_closed()
    journal.close()

    assert len(list_segments(folder)) > 3
    assert [p.suffix for p in list_segments(folder)].count(".journal") == 1
    assert numbers(folder) == list(range(1, 11))
    assert numbers(folder, applied=6) == [7, 8, 9, 10]
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}


def test_a_compression_that_was_torn_leaves_the_segment(folder):
    path = write_journal(folder, 2)
    path.with_suffix(".part").write_bytes(b"half")

    assert numbers(folder) == [1, 2]

    content = path.read_bytes()
    compress(path)
    path.write_bytes(content)  # As if it had been stopped before the last step.
    assert numbers(folder) == [1, 2]


def test_a_damaged_compressed_segment_is_reported(folder):
    path = write_journal(folder, 2)
    compress(path)
    journal = open_journal(folder)
    journal.append(changes(3))
    journal.close()
    closed = list_segments(folder)[0]
    closed.write_bytes(closed.read_bytes()[:-20])

    assert numbers(folder, applied=2) == [3]
    assert len(find_damage(folder)) == 1


def test_a_batch_that_cannot_be_written_leaves_nothing(folder, monkeypatch):
    journal = open_journal(folder)
    journal.append(changes(1))
    (path,) = list_segments(folder)
    content = path.read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr(
            journal_module, "sync", lambda _: (_ for _ in ()).throw(OSError(5, "broke"))
        )
        with pytest.raises(EngineFault, match=r"cannot be written to: broke\. Nothing"):
            journal.append(changes(2))

    assert path.read_bytes() == content
    journal.append(changes(2, "another"))
    journal.close()
    frames = [t for t in frames_after(folder, 1) if isinstance(t, FrameContent)]
    assert [t.events[0].payload["text"] for t in frames] == ["another"]
