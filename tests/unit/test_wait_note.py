"""A person sees within a moment what a command waits for; nobody else sees anything."""

import io
import threading

import pytest

from flowkernel.display import wait_note
from flowkernel.display.wait_note import CLEAR, WaitNote
from tests.conftest import until


class Screen(io.StringIO):
    """Standard error of a person."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def last_line(self):
        """What stands on the line of the cursor."""
        return self.getvalue().rpartition(CLEAR)[2].rpartition("\n")[2]


@pytest.fixture
def screen(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    return Screen()


def test_it_is_there_while_the_wait_lasts_and_then_gone(screen):
    note = WaitNote(screen)

    with note.shown("Starting the engine"):
        until(lambda: screen.last_line() == "Starting the engine ...")

    assert screen.last_line() == ""
    assert "\n" not in screen.getvalue()


def test_its_seconds_grow(screen, monkeypatch):
    monkeypatch.setattr(wait_note, "TICK_SECONDS", 0.01)
    now = 100.0
    monkeypatch.setattr(wait_note, "monotonic", lambda: now)

    with WaitNote(screen).shown("Starting the engine"):
        until(lambda: screen.last_line() == "Starting the engine ...")
        now = 103.5
        until(lambda: screen.last_line() == "Starting the engine ... 3 s")


def test_a_wait_that_is_short_is_not_shown(screen):
    with WaitNote(screen).shown("Waiting for the engine", delay=3600):
        pass

    assert screen.getvalue() == ""


def test_the_innermost_wait_is_shown_and_then_the_outer_one_again(screen, monkeypatch):
    monkeypatch.setattr(wait_note, "TICK_SECONDS", 0.01)
    note = WaitNote(screen)

    with note.shown("outer"):
        with note.shown("inner"):
            until(lambda: screen.last_line() == "inner ...")
        until(lambda: screen.last_line() == "outer ...")


def test_a_sentence_stays_above_it(screen, monkeypatch):
    monkeypatch.setattr(wait_note, "TICK_SECONDS", 0.01)
    note = WaitNote(screen)

    with note.shown("Waiting"):
        until(lambda: screen.last_line() == "Waiting ...")
        note.say("The database is being copied.")
        until(lambda: screen.last_line() == "Waiting ...")

    assert f"{CLEAR}The database is being copied.\n" in screen.getvalue()


def test_it_is_one_line_of_a_narrow_terminal(screen):
    with WaitNote(screen).shown("x" * 100):
        until(lambda: screen.last_line() == "x" * 39)


def test_an_interrupt_leaves_no_line(screen):
    note = WaitNote(screen)

    def wait():
        with note.shown("Waiting"):
            until(lambda: screen.last_line() == "Waiting ...")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait()

    assert screen.last_line() == ""


def test_a_note_that_is_closed_shows_nothing_more(screen):
    note = WaitNote(screen)
    note.close()

    with note.shown("Waiting"):
        pass
    note.say("A sentence is shown all the same.")

    assert screen.getvalue() == "A sentence is shown all the same.\n"


def test_nothing_is_written_where_nobody_looks():
    pipe = io.StringIO()

    before = threading.active_count()

    with WaitNote(pipe).shown("Waiting"):
        assert threading.active_count() == before

    assert pipe.getvalue() == ""


def test_what_another_thread_waits_for_is_not_shown(screen):
    note = WaitNote(screen)

    def wait():
        with note.shown("Waiting"):
            assert not note._waits

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()

    assert screen.getvalue() == ""
