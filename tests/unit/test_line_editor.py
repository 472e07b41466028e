"""A question on a terminal whose lines can be edited."""

import os
import re
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from flowkernel.core.clock import now
from flowkernel.display.line_editor import LineEditor
from flowkernel.display.line_input import BlockingInput
from flowkernel.forms.field_questions import Question, SteppedBack
from tests.conftest import until

ALT_ENTER = "\x1b\r"
PASTED = "\x1b[200~b = 1\n\n    c = 2\x1b[201~"


@pytest.fixture
def keys():
    """The keyboard of a person."""
    with create_pipe_input() as keys, create_app_session(keys, DummyOutput()):
        yield keys


def answer_to(question, keys, text):
    editor = LineEditor(question)
    keys.send_text(text)
    return until(editor.result)


def test_a_line_is_typed(keys):
    assert answer_to(Question(text="Rows > "), keys, "3\r") == "3"


def test_the_countdown_does_not_disturb(keys):
    deadline = now() + timedelta(minutes=3)

    assert answer_to(Question(text="> ", expires_at=deadline), keys, "x\r") == "x"


def test_a_text_of_several_lines_is_edited_as_a_whole(keys):
    question = Question(text="Cell 2 of 3", block="a = b")

    assert answer_to(question, keys, "\rc = 1" + ALT_ENTER) == "a = b\nc = 1"


def test_a_paste_keeps_its_lines(keys):
    question = Question(text="Cell 2 of 3", block="")

    assert answer_to(question, keys, PASTED + ALT_ENTER) == "b = 1\n\n    c = 2"


def test_tab_indents(keys):
    question = Question(text="Cell 2 of 3", block="")

    assert answer_to(question, keys, "\tx" + ALT_ENTER) == "    x"


def test_the_own_editor_of_a_person_is_one_key_away(keys, tmp_path, monkeypatch):
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\necho 'a = 4' > \"$1\"\n")
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    editor = LineEditor(Question(text="Cell 2 of 3", block="a = b"))

    keys.send_text("\x18\x05")
    until(lambda: editor._session.default_buffer.text == "a = 4")
    keys.send_text(ALT_ENTER)

    assert until(editor.result) == "a = 4"


def test_without_an_editor_the_text_stays(keys, monkeypatch, capsys):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    question = Question(text="Cell 2 of 3", block="a = b")

    assert answer_to(question, keys, "\x18\x05" + ALT_ENTER) == "a = b"
    assert "set EDITOR" in capsys.readouterr().out


@pytest.mark.parametrize(("key", "error"), [("\x03", SteppedBack), ("\x04", EOFError)])
def test_an_interrupt_and_an_end_reach_who_asks(keys, key, error):
    with pytest.raises(error):
        answer_to(Question(text="> "), keys, key)


def test_an_interrupt_brings_the_text_that_was_typed(keys, capsys):
    with pytest.raises(SteppedBack) as back:
        answer_to(Question(text="Cell", block="a = b"), keys, "\rc = 1\x03")

    assert back.value.block == "a = b\nc = 1"
    assert "kept" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "question", [Question(text=">"), Question(text=">", is_secret=True)]
)
def test_an_interrupt_of_a_place_that_waits_is_a_step_back(monkeypatch, question):
    def interrupt(_text):
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupt)
    monkeypatch.setattr("flowkernel.display.line_input.getpass", interrupt)

    with pytest.raises(SteppedBack):
        BlockingInput().ask(question)


def test_a_question_can_be_taken_away(keys):
    editor = LineEditor(Question(text="> "))

    editor.stop()

    assert not editor._thread.is_alive()


def kept_text(capsys):
    """The text that was kept, if it was said where."""
    [path] = re.findall("kept in '(.*)'", capsys.readouterr().out)
    text = Path(path).read_text()
    Path(path).unlink()
    return text


def test_what_is_written_in_the_own_editor_is_kept_when_the_question_is_taken_away(
    keys, tmp_path, monkeypatch, capsys
):
    script, opened = tmp_path / "editor", tmp_path / "opened"
    os.mkfifo(opened)
    script.write_text(
        f"#!/bin/sh\necho begun > '{opened}'\nread line < '{opened}'\necho 'a = 4' > \"$1\"\n"
    )
    script.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(script))
    editor = LineEditor(Question(text="Cell 2 of 3", block="a = b"))
    keys.send_text("\x18\x05")
    assert opened.read_text() == "begun\n"

    stop = threading.Thread(target=editor.stop)
    stop.start()
    until(lambda: editor._is_stopped)
    opened.write_text("go on\n")
    stop.join(10)

    assert kept_text(capsys) == "a = 4"


@pytest.mark.parametrize("key", ["", ALT_ENTER])
def test_a_text_that_was_typed_is_kept_when_the_question_is_taken_away(
    keys, capsys, key
):
    editor = LineEditor(Question(text="Cell 2 of 3", block="a = b"))
    keys.send_text("\rc = 1" + key)
    typed = editor._session.default_buffer
    until(lambda: typed.text == "a = b\nc = 1")
    until(lambda: not (key and editor._thread.is_alive()))

    editor.stop()

    assert kept_text(capsys) == "a = b\nc = 1"


def test_a_text_that_was_not_changed_is_not_kept(keys, capsys):
    editor = LineEditor(Question(text="Cell 2 of 3", block="a = b"))
    until(lambda: editor._session.app.is_running)

    editor.stop()

    assert "kept" not in capsys.readouterr().out


def test_what_asks_nothing_does_not_import_it():
    """An import of 0.1 s and more, for a command that may ask nothing."""
    code = (
        "import sys, flowkernel.display.terminal_prompts, flowkernel.cli.run_output\n"
        "from flowkernel.display.line_input import EditedInput\n"
        "EditedInput()\n"
        "print([name for name in sys.modules if name == 'prompt_toolkit'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr
