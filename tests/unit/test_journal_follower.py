"""Following the journal: each acknowledged frame once, whatever the writer does meanwhile."""

from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowkernel.core.errors import EngineFault
from flowkernel.store.journal import journal as journal_module
from flowkernel.store.journal.follower import JournalFollower
from flowkernel.store.journal.segments import list_segments
from tests.unit.test_store_journal import changes, open_journal

#: What the writer does between two looks of the follower.
STEPS = st.sampled_from(["append", "close", "compress", "prune", "look", "fail"])


def look(follower: JournalFollower, until: int) -> list[int]:
    return [content.frame for content in follower.read(until)]


@settings(max_examples=60)
@given(st.lists(STEPS, max_size=20))
def test_each_frame_is_read_once_and_in_order_whatever_the_writer_does(steps):
    with TemporaryDirectory() as folder:
        journal = open_journal(Path(folder))
        follower = JournalFollower(Path(folder), 0)
        frames = []
        for step in steps:
            match step:
                case "append":
                    journal.append(changes(journal.number + 1))
                case "close":
                    journal.close_segment()
                case "compress":
                    journal.compress_closed()
                case "prune":
                    journal.close_segment()
                    journal.remove_pruned()
                case "look":
                    frames += look(follower, journal.number)
                case "fail":  # What was written is taken back.
                    with (
                        patch.object(journal_module, "sync", side_effect=OSError),
                        pytest.raises(EngineFault),
                    ):
                        journal.append(changes(999))
        frames += look(follower, journal.number)
        journal.close()

        assert frames == list(range(1, journal.number + 1))


def test_a_frame_that_is_not_acknowledged_is_not_read(tmp_path):
    journal = open_journal(tmp_path)
    for number in (1, 2, 3):
        journal.append(changes(number))
    follower = JournalFollower(tmp_path, 0)

    assert look(follower, 2) == [1, 2]
    assert look(follower, 3) == [3]
    journal.close()


def test_a_frame_that_is_missing_is_an_error_and_not_a_hole(tmp_path):
    journal = open_journal(tmp_path)
    journal.append(changes(1))
    journal.close()
    [path] = list_segments(tmp_path)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)

    with pytest.raises(EngineFault, match="Frame 1 of the journal"):
        look(JournalFollower(tmp_path, 0), 1)


def test_it_knows_how_much_was_not_read_yet(tmp_path):
    journal = open_journal(tmp_path)
    follower = JournalFollower(tmp_path, 0)
    journal.append(changes(1))
    look(follower, 1)
    assert follower.size_ahead() == 0

    journal.append(changes(2, text="x" * 1000))
    journal.close_segment()
    journal.append(changes(3, text="x" * 1000))

    assert 2_000 < follower.size_ahead() < 3_000
    journal.close()
