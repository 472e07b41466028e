"""A person's own editor: what it saves is taken, and nothing is lost when it fails."""

import re
from pathlib import Path

import pytest

from flowkernel.core.errors import BadAnswer
from flowkernel.display.text_editor import edit_text


@pytest.fixture(autouse=True)
def no_editor(monkeypatch):
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """Make a script the editor."""

    def editor(script, variable="EDITOR", options=""):
        path = tmp_path / "my editor"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        monkeypatch.setenv(variable, f"'{path}' {options}")

    return editor


def test_what_the_editor_saves_is_taken(editor):
    editor("printf 'a = 1\\nb = 2\\n' > \"$1\"")

    assert edit_text("a = b") == "a = 1\nb = 2"


def test_visual_comes_first_and_has_options(editor, monkeypatch):
    editor('echo "x = $1" > "$2"', "VISUAL", "--wait")
    monkeypatch.setenv("EDITOR", "false")

    assert edit_text("a = b") == "x = --wait"


def test_a_text_that_is_left_alone_stays_as_it_is(editor):
    editor("true")

    for text in ("", "a", "a\n", "a\n\n", "é\tb"):
        assert edit_text(text) == text


def test_without_an_editor_it_says_what_to_set():
    with pytest.raises(BadAnswer, match="set EDITOR"):
        edit_text("a")


@pytest.mark.parametrize("value", ["/no/such/editor", "'unclosed"])
def test_an_editor_that_cannot_be_started_is_named(monkeypatch, value):
    monkeypatch.setenv("EDITOR", value)

    with pytest.raises(BadAnswer, match=f"{re.escape(value[:5])}.*Nothing was changed"):
        edit_text("a")


def test_an_editor_that_fails_changes_nothing(editor):
    editor("exit 3")

    with pytest.raises(BadAnswer, match=r"exit code 3.*Nothing was changed"):
        edit_text("a")


def test_what_a_failing_editor_saved_is_kept(editor):
    editor("echo 'hours of work' > \"$1\"; exit 1")

    with pytest.raises(BadAnswer, match="exit code 1") as refused:
        edit_text("a")

    [path] = re.findall(r"is in '(.*)'", str(refused.value))
    assert Path(path).read_text() == "hours of work\n"
    Path(path).unlink()


def test_what_is_no_text_is_kept_and_not_taken(editor):
    editor("printf '\\377' > \"$1\"")

    with pytest.raises(BadAnswer, match="UTF-8") as refused:
        edit_text("a")

    [path] = re.findall(r"saved in '(.*?)'", str(refused.value))
    Path(path).unlink()
