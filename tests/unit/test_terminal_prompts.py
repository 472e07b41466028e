"""Prompts that are asked line by line, while other things go on."""

import pytest

from flowkernel.core.errors import BadAnswer, NotOpen
from flowkernel.core.models import Message
from flowkernel.core.status import MessageStatus
from flowkernel.display.terminal_prompts import TerminalPrompts
from tests.unit.test_form import message_record

FORM = {
    "type": "object",
    "properties": {
        "go": {"element": "submit", "label": "Go on"},
        "stop": {"element": "submit", "label": "Stop"},
    },
}


class Lines:
    """Somebody who types now and then."""

    def __init__(self):
        self.questions, self.typed, self.is_gone = [], [], False

    def ask(self, question):
        self.questions.append(question)

    def read(self):
        if self.is_gone:
            raise EOFError
        return self.typed.pop(0) if self.typed else None


class Engine:
    """Takes answers."""

    def __init__(self):
        self.answers, self.refuses = [], []

    def answer(self, message_id, response):
        if self.refuses:
            raise self.refuses.pop()
        self.answers.append((message_id, response))
        return message(message_id, status="ANSWERED", response=response).to_json()


def message(message_id="m1", **more):
    return Message.from_json(message_record(message_id, **{"body": FORM, **more}))


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def prompts(lines, engine):
    return TerminalPrompts(engine.answer, lines, make_room=lambda: None)


def test_nothing_is_in_the_way_until_something_is_asked(prompts):
    assert prompts.poll() is False


def test_it_is_asked_once_and_answered_when_a_line_comes(prompts, lines, engine):
    prompts.ask(message())
    prompts.ask(message())
    assert prompts.poll() is True
    assert prompts.poll() is True
    assert (len(lines.questions), engine.answers) == (1, [])

    lines.typed.append("1")

    assert prompts.poll() is False
    assert engine.answers == [("m1", {"go": True})]


def test_several_are_asked_one_after_the_other(prompts, lines, engine):
    prompts.ask(message("m1"))
    prompts.ask(message("m2"))
    prompts.poll()
    lines.typed += ["1", "2"]

    while prompts.poll():
        pass

    assert engine.answers == [("m1", {"go": True}), ("m2", {"stop": True})]


def test_an_answer_that_does_not_fit_is_asked_again(prompts, lines, engine, capsys):
    engine.refuses.append(BadAnswer("Not so."))
    prompts.ask(message())
    prompts.poll()

    lines.typed += ["1", "2"]

    assert prompts.poll() is False
    assert engine.answers == [("m1", {"stop": True})]
    assert "Not so." in capsys.readouterr().out


def test_who_was_first_is_said(prompts, lines, engine, capsys):
    engine.refuses.append(NotOpen("ada was first."))
    prompts.ask(message())
    prompts.poll()

    lines.typed.append("1")

    assert prompts.poll() is False
    assert "ada was first." in capsys.readouterr().out


def test_an_answer_from_elsewhere_ends_the_question(prompts, capsys):
    prompts.ask(message())
    prompts.poll()

    prompts.close(
        message(status=MessageStatus.ANSWERED, answered_by="ada", response={"go": True})
    )

    assert prompts.poll() is False
    assert "ada was first" in capsys.readouterr().out


def test_when_nobody_types_any_more_it_stays_open(prompts, lines, engine, capsys):
    prompts.ask(message())
    lines.is_gone = True

    assert prompts.poll() is False
    assert engine.answers == []
    assert "The message stays open" in capsys.readouterr().out


def test_what_has_changed_is_asked_anew(prompts, lines, engine):
    prompts.ask(message())
    prompts.poll()

    body = {**FORM, "properties": {"stop": FORM["properties"]["stop"]}}
    prompts.ask(message(body=body))
    prompts.poll()
    lines.typed.append("")

    assert prompts.poll() is False
    assert engine.answers == [("m1", {"stop": True})]
