"""`flowkernel message ...`."""

from datetime import datetime
from urllib.parse import quote

from flowkernel.cli.arguments import value_of
from flowkernel.cli.output import note, say, say_json, say_table
from flowkernel.cli.session import client
from flowkernel.errors import BadArgument
from flowkernel.fold import pressed_in
from flowkernel.forms import Element, Field, Form
from flowkernel.listing import message_table, moment_text
from flowkernel.models import Json, Message
from flowkernel.status import MessageStatus

MS = MessageStatus
TEXTS = frozenset(
    {
        Element.STRING,
        Element.TEXTAREA,
        Element.CODE,
        Element.PASSWORD,
        Element.DATE,
        Element.TIME,
        Element.DATE_TIME,
    }
)  #: What is text, though it may look like a number.


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
    say(f"{message.subject}\n{message.message_type}, {sent}")
    say(f"from execution {message.execution_id}")
    if message.message:
        say("\n" + message.message)
    if message.body is not None:
        say("\n" + "\n".join(form_lines(Form.of(message.body))))
    say("\n" + state_of(message))


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
                f"flowkernel message answer {message.message_id[-8:]} BUTTON"
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


def form_lines(form: Form) -> list[str]:
    """What can be filled in, and the buttons, one to a line."""
    lines = []
    for field in form.fields:
        if field.element is Element.MARKDOWN:
            text = field.asked.get("description") or field.default or field.label
            lines.append(f"  {text}")
        elif field.element.is_asked:
            lines.append(f"  -p {field.name} VALUE   {_about(field, form)}")
    buttons = ", ".join(
        field.name if field.label == field.name else f"{field.name} ({field.label})"
        for field in form.buttons
    )
    return [*lines, f"  BUTTON: {buttons}"]


def _about(field: Field, form: Form) -> str:
    said = [field.label]
    if field.element not in (Element.STRING, Element.TEXTAREA):
        said.append(f"a {field.element}")
    if field.choices:
        said.append(f"of {', '.join(map(repr, field.choices[:10]))}")
    if field.default is not None:
        said.append(f"default {field.default!r}")
    if field.name in form.required:
        said.append("needed")
    return ", ".join(said)


def answer_message(
    message_id: str, button: str, pairs: list[str], *, as_json: bool
) -> None:
    """Answer it, once and for all."""
    asking = client()
    record = asking.get(f"/message/{quote(message_id, safe='')}")
    form = Form.of(record["body"]) if record["body"] else None
    response = response_of(form, button, pairs)
    told = asking.answer(record["message_id"], response, answered_from="command line")
    if as_json:
        say_json(told)
    else:
        note(f"Answered: {pressed_in(Message.from_json(told))}.")


def response_of(form: Form | None, button: str, pairs: list[str]) -> dict[str, Json]:
    """What was typed, as a response.

    Raises:
        BadArgument: There is no such button; or a pair is none.
    """
    if form is None:  # The engine says why it cannot be answered.
        return {}
    pressed = [
        field.name
        for field in form.buttons
        if button.lower() in (field.name.lower(), field.label.lower())
    ]
    if not pressed:
        there = ", ".join(field.name for field in form.buttons)
        raise BadArgument(f"There is no button {button!r}. There are: {there}.")
    known = {field.name: field for field in form.fields}
    response: dict[str, Json] = {pressed[0]: True}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise BadArgument(f"{pair!r} has no value. Write -p {pair} VALUE.")
        is_text = name in known and known[name].element in TEXTS
        response[name] = text if is_text else value_of(text, name)
    return response
