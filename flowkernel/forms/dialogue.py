"""A form asked line by line: the questions, and what follows from each typed line. Pure.

A dialogue is a generator: it yields questions, receives the typed lines, and returns the
response. So the same words serve a terminal, and a notebook that has no widgets. Where a person
can edit a text of several lines, it is one question; elsewhere each of its lines is one.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime

from flowkernel.core.errors import FlowkernelError
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.core.suggestions import quoted_name, suggestion
from flowkernel.forms.base_field import Field
from flowkernel.forms.form import Form
from flowkernel.forms.form_text import block_lines
from flowkernel.forms.literals import value_of
from flowkernel.forms.yes_or_no import CHOICES, ODD_ANSWER, yes_or_no

END = "."  #: A line of its own that ends a text of several lines.
LATER = "later"  #: Leaves a message open.
HELP = frozenset({"?", "help"})  #: Lists the buttons again.
KEEP_OR_EDIT = "Enter: keep it; e: type it again > "
FIRST_LINE = f"This is its first line. End it with a line that has only {END!r}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to type."""

    text: str  #: Without a line end: the answer is typed behind it.
    lines_above: tuple[str, ...] = ()
    is_secret: bool = False
    #: A text of several lines to edit: the answer is all of it. None: the answer is one line.
    block: str | None = None
    #: When the time for an answer is over; None: never, or it is not known.
    expires_at: datetime | None = None


def question_before(button: Field) -> str:
    """What is asked before a button counts; empty: nothing."""
    return button.confirm


#: Receives the lines without their ends. Returns the response; None: later.
Dialogue = Generator[Question, str, dict[str, Json] | None]


def form_dialogue(
    form: Form,
    *,
    edits_blocks: bool = False,
    confirm: Callable[[Field], str] = question_before,
) -> Dialogue:
    """Ask which button is pressed, then for what belongs to it.

    Args:
        edits_blocks: A text of several lines is edited as a whole, where it is asked for.
        confirm: What is asked before a button counts, as it is then; empty: nothing.

    >>> properties = {"rows": {"type": "integer"}, "ok": {"element": "submit"}}
    >>> dialogue = form_dialogue(Form.of({"properties": properties}))
    >>> next(dialogue).text
    'Enter: Ok; later: leave it open > '
    >>> dialogue.send("").text
    'Rows (a whole number) > '
    >>> dialogue.send("3")
    Traceback (most recent call last):
    StopIteration: {'ok': True, 'rows': 3}
    """
    button = yield from _ask_button(form.buttons, confirm)
    if button is None:
        return None
    response: dict[str, Json] = {button.name: True}
    needs_nothing = button.schema.get("required") == []
    shared = [] if needs_nothing else [f for f in form.shared if f.is_input]
    for field in [*shared, *form.fields_of(button)]:
        value = yield from _ask_value(field, edits_blocks)
        if value is not None:
            response[field.name] = value
    return response


def _ask_button(
    buttons: list[Field], confirm: Callable[[Field], str]
) -> Generator[Question, str, Field | None]:
    """Ask which one is pressed, until one is that also counts. None: later."""
    while True:
        button = yield from _choose_button(buttons)
        question = confirm(button) if button is not None else ""
        if not question:
            return button
        if (yield from _ask_yes_or_no(question)):
            return button


def _ask_yes_or_no(question: str) -> Generator[Question, str, bool]:
    lines: tuple[str, ...] = ()
    while True:
        line = yield Question(text=f"{question} {CHOICES} > ", lines_above=lines)
        if (answer := yes_or_no(line)) is not None:
            return answer
        lines = (ODD_ANSWER,)


def _choose_button(buttons: list[Field]) -> Generator[Question, str, Field | None]:
    only = buttons[0] if len(buttons) == 1 else None
    choice = f"Enter: {only.label}" if only else f"1 to {len(buttons)}"
    lines = [] if only else _help_lines(buttons)[:-1]
    while True:
        text = f"{choice}; {LATER}: leave it open > "
        line = (yield Question(text=text, lines_above=tuple(lines))).strip().lower()
        if line == LATER:
            return None
        if only and not line:
            return only
        if line in HELP:
            lines = _help_lines(buttons)
            continue
        for number, button in enumerate(buttons, 1):
            if line in (str(number), button.name.lower(), button.label.lower()):
                return button
        lines = [_no_button(line, buttons) if line else "Nothing was typed."]


def _help_lines(buttons: list[Field]) -> list[str]:
    """What can be typed where a button is chosen: its number, its name or its label."""
    lines = [f"  {number}  {_title(b)}" for number, b in enumerate(buttons, 1)]
    return [*lines, f"  {LATER}  Leave it open."]


def _no_button(line: str, buttons: list[Field]) -> str:
    words = [word.lower() for b in buttons for word in (b.name, b.label)]
    advice = suggestion(line, [*words, LATER], otherwise="? lists what there is.")
    return f"There is no {quoted_name(line)}. {advice}".strip()


def _title(button: Field) -> str:
    return ": ".join(filter(None, (button.label, button.description)))


def _ask_value(field: Field, edits_blocks: bool) -> Generator[Question, str, Json]:
    """Ask for the value of a field. None: the default is kept."""
    if field.is_multiline and edits_blocks:
        return (yield from _edit_block(field))
    if field.is_multiline:
        return (yield from _ask_block(field))
    if field.parts:
        return (yield from _ask_parts(field, field.parts))
    hint = f" ({field.hint})" if field.hint else ""
    text = f"{field.label}{hint}{_default_text(field.default)} > "
    lines = _description_lines(field)
    while True:
        line = yield Question(text=text, lines_above=lines, is_secret=field.is_secret)
        if not line.strip():
            return None
        try:
            return field.parse(line)
        except FlowkernelError as error:
            lines = (str(error),)


def _ask_parts(field: Field, parts: dict[str, Json]) -> Generator[Question, str, Json]:
    """Ask for an object name by name."""
    values = dict(parts)
    lines = _description_lines(field)
    for name, default in parts.items():
        while True:
            text = f"  {name} (JSON, or text){_default_text(default)} > "
            line = yield Question(text=text, lines_above=lines)
            lines = ()
            try:
                if line.strip():
                    values[name] = value_of(line, name)
                break
            except FlowkernelError as error:
                lines = (str(error),)
    return values


def _edit_block(field: Field) -> Generator[Question, str, Json]:
    """Have a text of several lines edited. None: the default is kept."""
    block = str(field.default or "")
    lines = _description_lines(field)
    text = yield Question(text=field.label, lines_above=lines, block=block)
    return None if text == block else text


def _ask_block(field: Field) -> Generator[Question, str, Json]:
    """Ask for a text of several lines. None: the default is kept."""
    block: list[str] = []
    lines: tuple[str, ...] = (
        f"{field.label}; end it with a line that has only {END!r}:",
    )
    if field.default:
        above = (f"{field.label}:", *block_lines(field), *_description_lines(field))
        line = yield Question(text=KEEP_OR_EDIT, lines_above=above)
        if not line.strip():
            return None
        if line.strip().lower() not in ("e", "edit"):
            # What is pasted here is the text itself: its first line must not be lost.
            block, lines = [line.rstrip("\n")], (FIRST_LINE,)
    while (line := (yield Question(text="| ", lines_above=lines)).rstrip("\n")) != END:
        block.append(line)
        lines = ()
    return "\n".join(block)


def _description_lines(field: Field) -> tuple[str, ...]:
    return (field.description,) if field.description else ()


def _default_text(value: Json) -> str:
    """A default behind a question, as ` [3]`; empty for None."""
    if value is None:
        return ""
    return f" [{value if isinstance(value, str) else dumps(value)}]"
