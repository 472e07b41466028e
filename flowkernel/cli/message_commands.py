"""`flowkernel message ...`."""

import sys
from datetime import datetime
from getpass import getpass
from urllib.parse import quote

from flowkernel.cli.output import note, say, say_json, say_table
from flowkernel.cli.session import COMMAND_LINE, client
from flowkernel.core.errors import BadArgument
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json, Message
from flowkernel.core.projection import pressed_in
from flowkernel.core.status import MessageStatus
from flowkernel.core.text import one_line, plain_text
from flowkernel.display.columns import message_table, moment_text
from flowkernel.forms.base_field import Field
from flowkernel.forms.form import Form
from flowkernel.forms.form_text import form_lines
from flowkernel.forms.literals import value_of

MS = MessageStatus


def list_messages(*, is_open: bool, as_json: bool) -> None:
    """The newest first."""
    messages = client().get("/message", is_open=str(is_open).lower())
    if as_json:
        say_json(messages)
        return
    found = [Message.from_json(record) for record in messages]
    empty = "Nothing waits for an answer." if is_open else "There is no message."
    say_table(message_table(found), empty=empty)


def show_message(message_id: str, *, as_json: bool) -> None:
    """All of it, and how to answer it."""
    record = client().get(f"/message/{quote(message_id, safe='')}")
    if as_json:
        say_json(record)
        return
    message = Message.from_json(record)
    sent = moment_text(message.created_at)
    say(f"{one_line(message.subject)}\n{message.message_type}, {sent}")
    say(f"from execution {message.execution_id}")
    if message.message:
        say("\n" + plain_text(message.message))
    if message.status is MS.OPEN:
        say("\n" + "\n".join(form_lines(Form.of(message.body))))
    say("\n" + state_of(message))
    for name, value in (message.response or {}).items():
        if value is not True:
            shown = value if isinstance(value, str) else dumps(value)
        say(f"  {name}: {plain_text(shown)}")


def state_of(message: Message) -> str:
    """Where it stands, in a sentence."""
    match message.status:
        case MS.OPEN:
            until = (
                f" until {moment_text(message.expires_at)}"
                if message.expires_at
                else ""
            )
            return (
                f"It waits for an answer{until}: "
                f"flowkernel message answer {message.message_id[-8:]} BUTTON "
                "[-p NAME VALUE]..."
            )
        case MS.ANSWERED:
            return (
                f"{message.answered_by} answered {_at(message.answered_at)}from "
                f"{message.answered_from}: {pressed_in(message)}."
            )
        case MS.NOTE:
            return "It asks for nothing."
        case _:
            return f"It is closed. {message.closed_why}"


def _at(moment: datetime | None) -> str:
    return f"at {moment_text(moment)} " if moment else ""


def answer_message(
    message_id: str, button: str | None, pairs: list[str], *, as_json: bool
) -> None:
    """Answer it, once and for all."""
    asking = client()
    record = asking.get(f"/message/{quote(message_id, safe='')}")
    form = Form.of(record["body"]) if record["body"] else None
    response = response_of(form, button, pairs)
    if form is not None and record["status"] == MS.OPEN and sys.stdin.isatty():
        response |= typed_in_secret(form, response)
    told = asking.answer(record["message_id"], response, answered_from=COMMAND_LINE)
    if as_json:
        say_json(told)
    else:
        note(f"Answered: {pressed_in(Message.from_json(told))}.")


def typed_in_secret(form: Form, response: dict[str, Json]) -> dict[str, Json]:
    """Passwords that were not given: they need not stand in the history of a shell."""
    [pressed] = [button for button in form.buttons if response.get(button.name)]
    return {
        field.name: getpass(f"{field.label}: ")
        for field in form.inputs
        if field.is_secret
        and field.name in form.required_by(pressed)
        and field.name not in response
    }


def response_of(
    form: Form | None, button: str | None, pairs: list[str]
) -> dict[str, Json]:
    """What was typed, as a response.

    Raises:
        BadArgument: There is no such button, or a pair is none.
        FileMissing: A file cannot be read.
    """
    if form is None:  # The engine says why it cannot be answered.
        return {}
    pressed = _button(form, button)
    response: dict[str, Json] = {pressed.name: True}
    buttons = {field.name for field in form.buttons}
    known = {field.name: field for field in form.inputs}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise BadArgument(f"{pair!r} has no value. Write -p {pair} VALUE.")
        if name in buttons:
            raise BadArgument(
                f"{name!r} is a button, and nothing to fill in: it stands behind the id."
            )
        _check_belongs(form, pressed, name)
        field = known.get(name)
        response[name] = field.parse(text) if field else value_of(text, name)
    return response


def _check_belongs(form: Form, pressed: Field, name: str) -> None:
    """Refuse what belongs to other buttons alone: it would be passed over."""
    owners = [
        button.name
        for button in form.buttons
        if name in {field.name for field in form.fields_of(button)}
    ]
    if owners and pressed.name not in owners:
        raise BadArgument(
            f"{name!r} is of no use for {pressed.name!r}: it belongs to {owners[0]!r}. "
            "Leave it out, or press that one."
        )


def _button(form: Form, word: str | None) -> Field:
    """The button of this name or label; the only one, if none is named."""
    if word is None and len(form.buttons) == 1:
        return form.buttons[0]
    named = [field for field in form.buttons if field.name == word]
    named = named or [
        b for b in form.buttons if word and b.label.lower() == word.lower()
    ]
    if len(named) == 1:
        return named[0]
    there = ", ".join(field.name for field in form.buttons)
    said = f"There is no button {word!r}." if word else "Say which button is pressed."
    raise BadArgument(f"{said} There are: {there}.")
