"""A field of a form asked line by line: its questions, and the value of the typed lines. Pure.

What a person has typed is kept in a draft, so that nothing is typed twice.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime

from flowkernel.core.errors import FlowkernelError
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.forms.base_field import Field
from flowkernel.forms.form_text import block_lines
from flowkernel.forms.literals import value_of

END = "."  #: A line of its own that ends a text of several lines.
KEEP_OR_EDIT = "Enter: keep it; e: type it again > "
FIRST_LINE = f"This is its first line. End it with a line that has only {END!r}."
SEND = "send"  #: Sends a text that is likely wrong.
EDIT_OR_SEND = f"Enter: edit it again; {SEND}: send it as it is > "


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


class SteppedBack(Exception):
    """The person has pressed Ctrl+C at a question: that leads back to the choices."""

    def __init__(self, block: str = "") -> None:
        """`block`: what the text of several lines was then."""
        super().__init__(block)
        self.block = block


#: Receives the lines without their ends; returns a value.
Questions = Generator[Question, str, Json]


class FieldQuestions:
    """Asks for the values of fields, with what was typed before as their defaults."""

    def __init__(self, *, edits_blocks: bool) -> None:
        """`edits_blocks`: a text of several lines is edited as a whole."""
        self._edits_blocks = edits_blocks
        #: What was typed, by the name of the field, without secrets.
        self.draft: dict[str, Json] = {}

    def forget(self, field: Field) -> None:
        """Forget a value that was refused, unless a part of it can be typed again."""
        if not (field.is_multiline or field.parts):
            self.draft.pop(field.name, None)

    def ask(self, field: Field) -> Questions:
        """Ask for a value, until it fits and is not doubted. None: the default is kept.

        Raises:
            SteppedBack: The person goes back to the choices; what was typed is kept.
        """
        while True:
            value = yield from self._ask_kept(field)
            doubt = field.doubt(value)
            if not doubt or (yield from _sends(doubt)):
                return value

    def _ask_kept(self, field: Field) -> Questions:
        """Ask once; the value, or what was typed before."""
        try:
            value = yield from self._ask_value(self._with_draft(field))
        except SteppedBack as back:
            self._keep_block(field, back.block)
            raise
        if value is not None and not field.is_secret:
            self.draft[field.name] = value
        return self.draft.get(field.name, value)

    def _with_draft(self, field: Field) -> Field:
        """The field with what was typed before as its default."""
        if field.name not in self.draft:
            return field
        draft = {"default": self.draft[field.name]}
        return replace(field, schema={**field.schema, **draft})

    def _keep_block(self, field: Field, block: str) -> None:
        if field.is_multiline and block.strip() and block != field.default:
            self.draft[field.name] = block

    def _ask_value(self, field: Field) -> Questions:
        """Ask for the value of a field. None: the default is kept."""
        if field.is_multiline:
            questions = self._edit_block if self._edits_blocks else self._ask_block
            return (yield from questions(field))
        if field.parts:
            return (yield from self._ask_parts(field, field.parts))
        hint = f" ({field.hint})" if field.hint else ""
        text = f"{field.label}{hint}{_default_text(field.default)} > "
        lines = _description_lines(field)
        while True:
            line = yield Question(
                text=text, lines_above=lines, is_secret=field.is_secret
            )
            if not line.strip():
                return None
            try:
                return field.parse(line)
            except FlowkernelError as error:
                lines = (str(error),)

    def _ask_parts(self, field: Field, parts: dict[str, Json]) -> Questions:
        """Ask for an object name by name."""
        values = dict(parts)
        lines = _description_lines(field)
        for name in parts:
            try:
                values[name] = yield from _ask_part(name, parts[name], lines)
            except SteppedBack:
                self.draft[field.name] = values
                raise
            lines = ()
        return values

    def _edit_block(self, field: Field) -> Questions:
        """Have a text of several lines edited. None: the default is kept."""
        block = str(field.default or "")
        lines = _description_lines(field)
        text = yield Question(text=field.label, lines_above=lines, block=block)
        return None if text == block else text

    def _ask_block(self, field: Field) -> Questions:
        """Ask for a text of several lines, line by line. None: the default is kept."""
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
        try:
            yield from _ask_lines(block, lines)
        except (SteppedBack, GeneratorExit):  # The second one: answered elsewhere.
            self._keep_block(field, "\n".join(block))
            raise
        return "\n".join(block)


def _ask_lines(
    block: list[str], lines: tuple[str, ...]
) -> Generator[Question, str, None]:
    """Put the lines that are typed into `block`, up to the one that ends it."""
    while (line := (yield Question(text="| ", lines_above=lines)).rstrip("\n")) != END:
        block.append(line)
        lines = ()


def _ask_part(name: str, default: Json, lines: tuple[str, ...]) -> Questions:
    """Ask for one value of an object, until it can be read."""
    while True:
        text = f"  {name} (JSON, or text){_default_text(default)} > "
        line = yield Question(text=text, lines_above=lines)
        try:
            return value_of(line, name) if line.strip() else default
        except FlowkernelError as error:
            lines = (str(error),)


def _sends(doubt: str) -> Generator[Question, str, bool]:
    """Ask whether a value that is likely wrong is sent."""
    line = yield Question(text=EDIT_OR_SEND, lines_above=tuple(doubt.splitlines()))
    return line.strip().lower() == SEND


def _description_lines(field: Field) -> tuple[str, ...]:
    return (field.description,) if field.description else ()


def _default_text(value: Json) -> str:
    """A default behind a question, as ` [3]`; of a file its name; empty for None."""
    if value is None:
        return ""
    if isinstance(value, dict) and value.keys() == {"name", "content"}:
        value = value["name"]
    return f" [{value if isinstance(value, str) else dumps(value)}]"
