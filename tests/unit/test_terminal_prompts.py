"""Prompts line by line, while a tree is followed."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from flowkernel.core.clock import now
from flowkernel.core.errors import BadAnswer, BadValue, DiskFull, NotOpen
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.display.terminal_prompts import TerminalPrompts
from flowkernel.forms.field_questions import SteppedBack
from tests.unit.test_form import message_record

FORM = {
    "type": "object",
    "properties": {
        "go": {"element": "submit", "label": "Go on"},
        "stop": {"element": "submit", "label": "Stop"},
    },
}


class Lines:
    """A person who types lines, or has gone away."""

    edits_blocks = False

    def __init__(self):
        self.questions, self.typed, self.is_gone = [], [], False
        self.stops = 0

    def stop(self):
        self.stops += 1

    def ask(self, question):
        self.questions.append(question)

    def read(self):
        if self.is_gone:
            raise EOFError
        line = self.typed.pop(0) if self.typed else None
        if isinstance(line, SteppedBack):
            raise line
        return line


class Engine:
    """Accepts answers, or refusals them."""

    def __init__(self):
        self.answers, self.refusals = [], []
        self.current = message()

    def read(self, _message_id):
        return self.current

    def answer(self, message_id, response):
        if self.refusals:
            raise self.refusals.pop()
        self.answers.append((message_id, response))
        return message(message_id, status="ANSWERED", response=response)


def message(message_id="m1", **fields):
    return Message.from_json(message_record(message_id, **{"body": FORM, **fields}))


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def prompts(lines, engine):
    return TerminalPrompts(engine, lines, make_room=lambda: None)


def test_without_a_message_the_tree_can_be_drawn(prompts):
    assert prompts.poll() is False


def test_a_message_is_asked_once_and_answered_by_a_line(prompts, lines, engine):
    prompts.ask(message())
    prompts.ask(message())
    assert prompts.poll() is True
    assert prompts.poll() is True
    assert (len(lines.questions), engine.answers) == (1, [])

    lines.typed.append("1")

    assert prompts.poll() is False
    assert engine.answers == [("m1", {"go": True})]


def test_messages_are_asked_one_after_the_other(prompts, lines, engine):
    prompts.ask(message("m1"))
    prompts.ask(message("m2"))
    prompts.poll()
    lines.typed += ["1", "2"]

    while prompts.poll():
        pass

    assert engine.answers == [("m1", {"go": True}), ("m2", {"stop": True})]


@pytest.mark.parametrize("error", [BadAnswer, BadValue, DiskFull])
def test_a_message_is_asked_again_after_an_answer_that_was_not_recorded(
    prompts, lines, engine, capsys, error
):
    engine.refusals.append(error("Not so."))
    prompts.ask(message())
    prompts.poll()

    lines.typed += ["1", "2"]

    assert prompts.poll() is False
    assert engine.answers == [("m1", {"stop": True})]
    assert "Not so." in capsys.readouterr().out


def test_the_person_who_was_first_is_shown(prompts, lines, engine, capsys):
    engine.refusals.append(NotOpen("ada has already answered."))
    prompts.ask(message())
    prompts.poll()

    lines.typed.append("1")

    assert prompts.poll() is False
    assert "ada has already answered." in capsys.readouterr().out


def test_an_answer_from_elsewhere_ends_the_question(prompts, capsys):
    prompts.ask(message())
    prompts.poll()

    prompts.close(
        message(status=MessageStatus.ANSWERED, answered_by="ada", response={"go": True})
    )

    assert prompts.poll() is False
    assert "ada has already answered" in capsys.readouterr().out


def test_a_message_stays_open_when_the_input_ends(prompts, lines, engine, capsys):
    prompts.ask(message())
    lines.is_gone = True

    assert prompts.poll() is False
    assert engine.answers == []
    assert "The message stays open" in capsys.readouterr().out


@pytest.mark.parametrize("is_gone", [False, True])
def test_whoever_leaves_a_prompt_reads_how_to_leave_the_command(
    lines, engine, capsys, is_gone
):
    prompts = TerminalPrompts(
        engine, lines, make_room=lambda: None, how_to_leave="To leave: Ctrl+C."
    )
    prompts.ask(message())
    prompts.poll()
    lines.typed.append("later")
    lines.is_gone = is_gone
    prompts.poll()

    assert "stays open" in (output := capsys.readouterr().out)
    assert output.endswith("To leave: Ctrl+C.\n")


def test_a_changed_message_is_asked_again(prompts, lines, engine):
    prompts.ask(message())
    prompts.poll()

    body = {**FORM, "properties": {"stop": FORM["properties"]["stop"]}}
    prompts.ask(message(body=body))
    prompts.poll()
    lines.typed.append("")

    assert prompts.poll() is False
    assert engine.answers == [("m1", {"stop": True})]


def with_question(question):
    stop = {"element": "submit", "label": "Stop", "confirm": question}
    return {**FORM, "properties": {**FORM["properties"], "stop": stop}}


def test_a_question_is_asked_once_and_in_the_words_of_that_moment(
    prompts, lines, engine
):
    engine.current = message(body=with_question("Cancel 9 runs?"))
    prompts.ask(message(body=with_question("Cancel 2 runs?")))
    prompts.poll()

    lines.typed += ["2", "n", "2", "y"]

    assert prompts.poll() is False
    texts = [question.text for question in lines.questions]
    assert texts[1] == texts[3] == "Cancel 9 runs? [y/N] > "
    assert engine.answers == [("m1", {"stop": True})]


def test_it_says_until_when_it_waits_and_gives_that_to_the_countdown(
    prompts, lines, capsys
):
    deadline = now() + timedelta(minutes=12)
    prompts.ask(message(expires_at=deadline.isoformat()))

    prompts.poll()

    assert "12 min left." in capsys.readouterr().out
    assert lines.questions[0].expires_at == deadline


def test_without_a_limit_it_says_so(prompts, capsys):
    prompts.ask(message())
    prompts.poll()

    assert "It waits without a time limit." in capsys.readouterr().out


def test_the_terminal_is_given_back_when_something_else_is_asked(
    prompts, lines, capsys
):
    prompts.ask(message())
    prompts.poll()

    prompts.pause()

    assert lines.stops == 1
    assert "The message stays open" in capsys.readouterr().out
    assert prompts.poll() is False


def test_a_message_that_cannot_be_asked_says_how_to_answer_it_and_others_go_on(
    prompts, lines, engine, capsys
):
    prompts.ask(message("m1", body={"properties": {"x": {"type": "new"}}}))
    prompts.ask(message("m2"))
    prompts.poll()
    lines.typed.append("1")

    assert prompts.poll() is False
    assert "`flowkernel message answer m1 BUTTON`" in capsys.readouterr().out
    assert engine.answers == [("m2", {"go": True})]


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31mGo\u202e"


def test_nothing_of_a_message_controls_the_terminal(prompts, lines, engine, capsys):
    go = {"element": "submit", "label": HOSTILE, "description": HOSTILE}
    hostile = message(
        subject=HOSTILE, message=f"{HOSTILE} &#27;[2J", body={"properties": {"go": go}}
    )
    engine.answer = lambda _id, response: message(
        status="ANSWERED", response=response, body=hostile.body
    )
    engine.refusals = [BadAnswer(HOSTILE), NotOpen(HOSTILE)]
    prompts.ask(hostile)
    prompts.poll()
    lines.typed.append("")
    prompts.poll()
    prompts.ask(message("m2", body=hostile.body))
    prompts.poll()
    prompts.close(message("m2", status="CLOSED", subject=HOSTILE, closed_why=HOSTILE))

    output = capsys.readouterr().out
    assert "Answered: " in output
    assert output.replace("\n", "").isprintable()


EDITED = {
    "type": "object",
    "properties": {
        "source": {"element": "code", "default": "a = b"},
        "go": {"element": "submit"},
    },
}


def kept_text(capsys):
    """The text that was kept, if it was said where."""
    [path] = re.findall("kept in '(.*)'", capsys.readouterr().out)
    text = Path(path).read_text()
    Path(path).unlink()
    return text


def test_a_text_that_was_written_for_a_refused_answer_is_kept(
    prompts, lines, engine, capsys
):
    engine.refusals.append(NotOpen("ada was first."))
    prompts.ask(message(body=EDITED))
    prompts.poll()
    lines.typed += ["", "a = 4", "."]

    prompts.poll()

    assert kept_text(capsys) == "a = 4"


def test_a_text_that_was_written_for_a_wrong_answer_is_there_again(
    prompts, lines, engine, capsys
):
    engine.refusals.append(BadAnswer("Not so."))
    prompts.ask(message(body=EDITED))
    prompts.poll()
    lines.typed += ["", "a = 4", ".", "", ""]

    prompts.poll()

    assert engine.answers == [("m1", {"go": True, "source": "a = 4"})]
    assert "kept in" not in capsys.readouterr().out


SEVERAL = {
    "type": "object",
    "properties": {
        "source": {"element": "code", "default": "a = b"},
        "rows": {"type": "integer"},
        "go": {"element": "submit"},
    },
}


def test_a_text_is_kept_when_another_answer_comes_at_a_later_question(
    prompts, lines, capsys
):
    prompts.ask(message(body=SEVERAL))
    prompts.poll()
    lines.typed += ["", "a = 4", "."]
    prompts.poll()
    assert lines.questions[-1].text == "Rows (a whole number) > "

    prompts.close(message(status=MessageStatus.ANSWERED, response={"go": True}))

    assert kept_text(capsys) == "a = 4"


def test_a_text_that_was_answered_or_not_changed_is_not_kept(prompts, lines, capsys):
    prompts.ask(message("m1", body=SEVERAL))
    prompts.ask(message("m2", body=SEVERAL))
    prompts.poll()
    lines.typed += ["", "a = 4", ".", "3", "", ""]
    prompts.poll()

    prompts.pause()

    assert "kept in" not in capsys.readouterr().out


def test_only_the_value_that_was_refused_is_asked_for_again(prompts, lines, engine):
    engine.refusals.append(BadAnswer("Rows is 0.5; it must be a whole number."))
    prompts.ask(message(body=SEVERAL))
    prompts.poll()
    lines.typed += ["", "a = 4", ".", "0.5", "3"]

    prompts.poll()

    assert lines.questions[-1].text == "Rows (a whole number) > "
    assert engine.answers == [("m1", {"go": True, "source": "a = 4", "rows": 3})]


def test_ctrl_c_in_a_field_leads_back_to_the_choices_and_there_it_leaves(
    prompts, lines, capsys
):
    prompts.ask(message(body=SEVERAL, subject="sums failed"))
    prompts.poll()
    lines.typed += ["", SteppedBack()]

    assert prompts.poll() is True
    assert lines.questions[-1].text == lines.questions[0].text
    assert lines.questions[-1].lines_above == ("sums failed",)

    lines.typed.append(SteppedBack())
    with pytest.raises(KeyboardInterrupt):
        prompts.poll()
    prompts.pause()

    assert "The message stays open" in capsys.readouterr().out


@pytest.mark.parametrize(("lines_of_text", "times"), [(3, 1), (40, 2)])
def test_the_heading_is_repeated_above_the_choices_if_it_is_out_of_sight(
    prompts, capsys, monkeypatch, lines_of_text, times
):
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "80")
    prompts.ask(message(subject="sums failed", message="why\n" * lines_of_text))
    prompts.poll()

    assert capsys.readouterr().out.count("sums failed") == times
