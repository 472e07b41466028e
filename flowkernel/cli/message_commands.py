"""`flowkernel message ...`: the options and the help of each command.

Imported for every help text, so what a command does is imported when it is called.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from flowkernel.cli.options import Argument, AsCsv, AsJson, Option, Words, Yes
from flowkernel.cli.parameters import PAIR_FLAGS


def _complete_message(_parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_message

    return complete_message(incomplete)


def _complete_button(parameters: Mapping[str, Any], incomplete: str) -> Words:
    from flowkernel.cli.completion import complete_button

    return complete_button(parameters.get("id"), incomplete)


MessageId = Annotated[
    str,
    Argument(
        metavar="ID",
        help="The id of a message, or its first or last characters, 4 or more. Or that of a "
        "run that waits for the answer, as `flowkernel run` shows it.",
        complete=_complete_message,
    ),
]
Button = Annotated[
    str | None,
    Argument(
        metavar="BUTTON",
        complete=_complete_button,
        help="The button to press, by its name or its label. Required if there are several.",
    ),
]
FieldValues = Annotated[
    list[str] | None,
    Option(
        PAIR_FLAGS,
        metavar="NAME VALUE",
        help="The value of a field of the form. May be repeated. For a file, its path.",
    ),
]
WithClosed = Annotated[
    bool, Option(("--all",), help="Also messages that do not wait for an answer.")
]


def list_messages(
    all: WithClosed = False, json: AsJson = False, csv: AsCsv = False
) -> None:
    """List the messages that wait for an answer, newest first.

    It lists 50 at most.

    Examples:
        flowkernel message list
        flowkernel message list --all
    """
    from flowkernel.cli import message_operations
    from flowkernel.cli.output import OutputForm

    form = OutputForm.of(json=json, csv=csv)
    message_operations.list_messages(is_open=not all, form=form)


def show_message(id: MessageId, json: AsJson = False, csv: AsCsv = False) -> None:
    """Show a message, and how to answer it.

    Examples:
        flowkernel message show 5c0ffee5
    """
    from flowkernel.cli import message_operations
    from flowkernel.cli.output import OutputForm

    message_operations.show_message(id, OutputForm.of(json=json, csv=csv))


def answer_message(
    id: MessageId,
    button: Button = None,
    parameter: FieldValues = None,
    yes: Yes = False,
    json: AsJson = False,
) -> int:
    """Answer a message. An answer cannot be changed.

    Before a button that ends many runs, a person at a terminal is asked.

    Examples:
        flowkernel message answer 5c0ffee5 retry
        flowkernel message answer 5c0ffee5 approve -p day 2026-01-01 -p rows 3
    """
    from flowkernel.cli import message_operations

    return message_operations.answer_message(
        id, button, parameter or [], is_sure=yes or json, as_json=json
    )
