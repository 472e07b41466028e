"""Text of a flow cannot control a terminal, wherever it is printed."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout

import pytest

from flowkernel.cli import message_operations, output
from flowkernel.core.errors import BadArgument
from flowkernel.core.text import plain_text
from flowkernel.display.live_terminal import write
from flowkernel.display.markdown_text import print_markdown
from flowkernel.display.table import Table
from flowkernel.forms.form import Form
from tests.unit.test_terminal_prompts import HOSTILE


class Terminal(io.StringIO):
    """Whatever is written to a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def shown(show, *values, stream=None):
    """What is written to a terminal, or to another stream."""
    stream = stream or Terminal()
    with redirect_stdout(stream), redirect_stderr(stream):
        show(*values)
    return stream.getvalue()


@pytest.mark.parametrize("show", [write, output.print_text, output.print_note])
def test_a_sentence_has_no_control_sequences(show):
    assert shown(show, f"one\n{HOSTILE}") == f"one\n{plain_text(HOSTILE)}\n"


def test_spaces_of_other_scripts_stay():
    assert plain_text("日報\u3000明細\u00a0:\t\n") == "日報\u3000明細\u00a0:\t\n"


@pytest.mark.parametrize("entity", ["&#27;", "&#x1b;", "\x1b", "&#x202e;"])
def test_markdown_has_none_of_its_own(monkeypatch, entity):
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()

    print_markdown(f"a {entity}]0;owned&#7; `{entity}[2J` b\n\n* {entity}[2J", terminal)

    assert "\x1b]0" not in terminal.getvalue()
    assert "\x1b[2J" not in terminal.getvalue()
    assert "\u202e" not in terminal.getvalue()


def test_csv_is_whole_in_a_pipe_and_plain_on_a_terminal():
    table = ["x"], [[HOSTILE]]

    assert shown(output.print_csv, *table) == f"x\n{plain_text(HOSTILE)}\n"
    assert shown(output.print_csv, *table, stream=io.StringIO()) == f"x\n{HOSTILE}\n"


def test_the_heading_of_a_table_has_none():
    assert repr(Table((HOSTILE,), ((1,),))).replace("\n", "").isprintable()


def test_a_password_is_asked_for_in_plain_words(monkeypatch):
    texts = []
    monkeypatch.setattr(message_operations, "getpass", lambda text: texts.append(text))
    secret = {"element": "password", "label": HOSTILE}
    body = {"properties": {"x": secret}, "required": ["x"]}
    body["properties"]["ok"] = {"element": "submit"}

    message_operations.ask_passwords(Form.of(body), {"ok": True})

    assert texts == [plain_text(f"{HOSTILE}: ")]


def test_an_error_in_ipython_has_none():
    assert BadArgument(HOSTILE)._render_traceback_() == [
        f"BadArgument: {plain_text(HOSTILE)}"
    ]


def test_json_has_all_of_it_in_ascii():
    text = shown(output.print_json, {"x": HOSTILE})

    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == {"x": HOSTILE}
