"""`flowkernel message ...`."""

from datetime import datetime
from typing import NoReturn
from urllib.parse import quote

from flowkernel.cli.arguments import parameters_of
from flowkernel.cli.output import say, say_json, say_table
from flowkernel.cli.session import client
from flowkernel.errors import NotYetAvailable
from flowkernel.listing import message_table, moment_text


def list_messages(*, as_json: bool) -> None:
    """The newest first."""
    messages = client().get("/message")
    if as_json:
        say_json(messages)
    else:
        say_table(message_table(messages), empty="There is no message.")


def show_message(message_id: str, *, as_json: bool) -> None:
    """All of it."""
    message = client().get(f"/message/{quote(message_id, safe='')}")
    if as_json:
        say_json(message)
        return
    sent = moment_text(datetime.fromisoformat(message["created_at"]))
    say(f"{message['subject']}\n{message['message_type']}, {sent}")
    say(f"from execution {message['execution_id']}")
    if message["message"]:
        say("\n" + message["message"])


def answer_message(message_id: str, button: str, pairs: list[str]) -> NoReturn:
    """Not yet."""
    parameters_of(pairs)
    raise NotYetAvailable(
        "Answering a message",
        f"A message is a note so far: `flowkernel message show {message_id}` shows it.",
    )
