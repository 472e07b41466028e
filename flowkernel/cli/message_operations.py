"""What the `flowkernel message` commands do."""

import sys
from dataclasses import fields
from datetime import datetime
from getpass import getpass
from urllib.parse import quote

from flowkernel.cli.cli_client import COMMAND_LINE, is_interactive, make_client
from flowkernel.cli.confirmation import is_confirmed
from flowkernel.cli.exit_codes import CANCELLED, SUCCESS
from flowkernel.cli.output import (
    OutputForm,
    print_json,
    print_list,
    print_note,
    print_record,
    print_records,
    print_text,
)
from flowkernel.core.clock import now
from flowkernel.core.errors import BadArgument, NotOpen
from flowkernel.core.json_values import dumps
from flowkernel.core.message_projection import another_opened, pressed_button
from flowkernel.core.models import Json, Message
from flowkernel.core.status import MessageStatus
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.core.text import one_line, plain_text
from flowkernel.display.columns import message_table, moment_text, short_id
from flowkernel.display.deadline import left_text
from flowkernel.display.markdown_text import print_markdown
from flowkernel.forms.base_field import Field
from flowkernel.forms.form import Form
from flowkernel.forms.form_text import form_lines
from flowkernel.forms.literals import value_of

MS = MessageStatus
#: The columns of CSV.
MESSAGE_FIELDS = [field.name for field in fields(Message)]
#: By whether all are open: columns that a narrow terminal does not show, the first first.
LESS_NEEDED = {
    True: ("type", "status", "sent", "execution", "message"),
    False: ("type", "sent", "execution", "status", "message"),
}
LISTED = 50  #: Messages of a list, inclusive: the newest.


def list_messages(*, is_open: bool, form: OutputForm) -> None:
    """Print the newest ones first."""
    records = make_client().get_list(
        "/message", limit=LISTED, is_open=str(is_open).lower()
    )
    if form is not OutputForm.TEXT:
        print_records(records, form, MESSAGE_FIELDS)
        return
    messages = [Message.from_json(record) for record in records]
    print_list(
        lambda show_moment: message_table(
            messages, show_moment=show_moment, widest=None
        ),
        LESS_NEEDED[is_open],
        empty="Nothing waits for an answer." if is_open else "There is no message.",
    )


def show_message(message_id: str, form: OutputForm) -> None:
    """Print all of it, and how to answer it."""
    record = make_client().get(f"/message/{quote(message_id, safe='')}")
    if form is not OutputForm.TEXT:
        print_record(record, form, MESSAGE_FIELDS)
        return
    message = Message.from_json(record)
    created = moment_text(message.created_at)
    print_text(f"{one_line(message.subject)}\n{message.message_type}, {created}")
    print_text(f"from the run {message.execution_id}")
    if message.message:
        print_text("")
        print_markdown(message.message, sys.stdout)
    if message.status is MS.OPEN:
        print_text("\n" + "\n".join(form_lines(Form.of(message.body))))
    print_text("\n" + status_sentence(message))
    for name, value in (message.response or {}).items():
        if value is not True:
            text = value if isinstance(value, str) else dumps(value)
            print_text(f"  {name}: {plain_text(text)}")


def status_sentence(message: Message) -> str:
    """What became of it, or how to answer it."""
    match message.status:
        case MS.OPEN:
            limit = ""
            if message.expires_at:
                left = left_text((message.expires_at - now()).total_seconds())
                limit = f" until {moment_text(message.expires_at)}, {left}"
            return (
                f"It waits for an answer{limit}: "
                f"flowkernel message answer {short_id(message.message_id)} BUTTON "
                "[-p NAME VALUE]..."
            )
        case MS.ANSWERED:
            return (
                f"{message.answered_by} answered {_at(message.answered_at)}from "
                f"{message.answered_from}: {pressed_button(message)}."
            )
        case MS.NOTE:
            return "It asks for nothing."
        case _:
            return f"It is closed. {message.closed_why}"


def _at(moment: datetime | None) -> str:
    return f"at {moment_text(moment)} " if moment else ""


def answer_message(
    message_id: str,
    button: str | None,
    pairs: list[str],
    *,
    is_sure: bool,
    as_json: bool,
) -> int:
    """Answer a message; a password that is missing is asked for on the terminal.

    Args:
        is_sure: Do not ask a person before a button counts.

    Returns:
        The exit code: a person who thinks better of it has cancelled the command.

    Raises:
        NotOpen: It is closed, or is not the one that was shown for this id of a run.
    """
    client = make_client()
    record = client.get(f"/message/{quote(message_id, safe='')}", is_shown="false")
    if record["status"] == MS.OPEN and record.get("shown_before"):
        raise NotOpen(another_opened(message_id, Message.from_json(record)))
    form = Form.of(record["body"]) if record["body"] else None
    response = make_response(form, button, pairs)
    if form is not None and record["status"] == MS.OPEN:
        if not (is_sure or confirms(form, response)):
            print_note("Nothing was answered: the message stays open.")
            return CANCELLED
        if sys.stdin.isatty():
            response |= ask_passwords(form, response)
    answered = client.answer(record["message_id"], response, answered_from=COMMAND_LINE)
    if as_json:
        print_json(answered)
    else:
        print_note(_answered_sentence(Message.from_json(answered)))
    return SUCCESS


def confirms(form: Form, response: dict[str, Json]) -> bool:
    """Whether it is sent: a person is asked what the form asks before; a script is sure."""
    if not is_interactive():
        return True
    for doubt in filter(None, (f.doubt(response.get(f.name)) for f in form.inputs)):
        print_note(doubt)
        if not is_confirmed("Send it as it is?"):
            return False
    questions = [b.confirm for b in form.buttons if response.get(b.name) and b.confirm]
    return all(map(is_confirmed, questions))


def _answered_sentence(message: Message) -> str:
    subject, short = one_line(message.subject), short_id(message.message_id)
    return f"Answered {subject!r} ({short}): {pressed_button(message)}."


def ask_passwords(form: Form, response: dict[str, Json]) -> dict[str, Json]:
    """The required passwords that the response lacks, as a person types them.

    So they are not in the history of the shell.
    """
    [button] = [button for button in form.buttons if response.get(button.name)]
    return {
        field.name: getpass(plain_text(f"{field.label}: "))
        for field in form.inputs
        if field.is_secret
        and field.name in form.required_by(button)
        and field.name not in response
    }


def make_response(
    form: Form | None, button_word: str | None, pairs: list[str]
) -> dict[str, Json]:
    """The response that a button and `NAME=VALUE` pairs mean.

    Raises:
        BadArgument: There is no such button, or a pair has no value.
        FileMissing: A file cannot be read.
    """
    if form is None:  # The engine says why it cannot be answered.
        return {}
    button = _find_button(form, button_word)
    response: dict[str, Json] = {button.name: True}
    fields = {field.name: field for field in form.inputs}
    for pair in pairs:
        name, text = _split_pair(pair)
        owner, _, part = name.partition(".")
        has_parts = owner in fields and fields[owner].parts is not None
        if part and has_parts and name not in fields:
            _check_belongs(form, button, owner)
            _check_part(fields[owner], part)
            value = response.setdefault(owner, {})
            response[owner] = {**value, part: value_of(text, name)}
            continue
        _check_belongs(form, button, name)
        field = fields.get(name)
        response[name] = field.parse(text) if field else value_of(text, name)
    return response


def _check_part(field: Field, part: str) -> None:
    """Refuse a name that the object does not have, if it has any: a typo shows late."""
    names = field.parts or {}
    if names and part not in names:
        raise BadArgument(
            f"{field.name!r} has no {quoted_name(part)}. {suggestion(part, names)} "
            f"It has: {', '.join(names)}. -p {field.name} takes all of them as JSON."
        )


def _split_pair(pair: str) -> tuple[str, str]:
    name, sign, text = pair.partition("=")
    if not sign:
        raise BadArgument(f"{pair!r} has no value. Write -p {pair} VALUE.")
    return name, text


def _check_belongs(form: Form, button: Field, name: str) -> None:
    """Refuse a button, and a field of other buttons only: it would be ignored."""
    if name in {field.name for field in form.buttons}:
        raise BadArgument(
            f"{name!r} is a button, not a field: write it after the id, without -p."
        )
    owners = [
        other.name
        for other in form.buttons
        if name in {field.name for field in form.fields_of(other)}
    ]
    if owners and button.name not in owners:
        raise BadArgument(
            f"{name!r} is of no use for {button.name!r}: it belongs to {owners[0]!r}. "
            "Leave it out, or press that button."
        )


def _find_button(form: Form, word: str | None) -> Field:
    """The button with this name or label; the only one, if no word is given."""
    if word is None and len(form.buttons) == 1:
        return form.buttons[0]
    buttons = [field for field in form.buttons if field.name == word]
    buttons = buttons or [
        field for field in form.buttons if word and field.label.lower() == word.lower()
    ]
    if len(buttons) == 1:
        return buttons[0]
    raise BadArgument(_no_button(form, word))


def _no_button(form: Form, word: str | None) -> str:
    names = [field.name for field in form.buttons]
    problem = "Say which button to press."
    if word:
        words = [*names, *(field.label for field in form.buttons)]
        nearest = suggestion(word, words, otherwise="")
        problem = f"There is no button {quoted_name(word)}. {nearest}".strip()
    return f"{problem} The buttons are: {', '.join(names)}."
