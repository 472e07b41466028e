"""A form asked line by line: which questions, and what follows from each line. Pure.

A conversation is a generator: it yields questions, is sent what was typed, and returns the
response. So the same words serve a terminal, and a notebook that has no widgets.
"""

from collections.abc import Generator
from dataclasses import dataclass

from flowkernel.core.errors import FlowkernelError
from flowkernel.core.json_values import dumps
from flowkernel.core.models import Json
from flowkernel.forms.fields import Element, Field
from flowkernel.forms.form import Form
from flowkernel.forms.typed_lines import BLOCKS, block_lines, kind_of, typed_value

END = "."  #: A line of its own ends what was typed in several lines.
LATER = "later"  #: Leaves a message open.


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to be typed."""

    text: str  #: Without a line end: the answer stands behind it.
    before: tuple[str, ...] = ()  #: Lines above it.
    is_secret: bool = False


Talk = Generator[Question, str, dict[str, Json] | None]


def conversation(form: Form) -> Talk:
    """Ask which button, and what belongs to it; the response. None: later."""
    button = yield from _button(form.buttons)
    if button is None:
        return None
    response: dict[str, Json] = {button.name: True}
    needs_nothing = button.asked.get("required") == []
    shared = [] if needs_nothing else [f for f in form.shared if f.element.is_asked]
    for field in [*shared, *form.of_button(button)]:
        value = yield from _value(field)
        if value is not None:
            response[field.name] = value
    return response


def _button(buttons: list[Field]) -> Generator[Question, str, Field | None]:
    lines = [f"  {n}  {_label(button)}" for n, button in enumerate(buttons, 1)]
    if len(buttons) == 1:
        lines = []
    before: tuple[str, ...] = tuple(lines)
    while True:
        if len(buttons) == 1:
            text = f"Enter: {buttons[0].label}; {LATER}: leave it open > "
        else:
            text = f"1 to {len(buttons)}; {LATER}: leave it open > "
        typed = (yield Question(text=text, before=before)).strip().lower()
        if typed == LATER:
            return None
        if len(buttons) == 1 and not typed:
            return buttons[0]
        for number, button in enumerate(buttons, 1):
            if typed in (str(number), button.name.lower(), button.label.lower()):
                return button
        before = (f"{typed!r} is none of them." if typed else "Nothing was typed.",)


def _label(button: Field) -> str:
    more = button.asked.get("description")
    return f"{button.label}: {more}" if more else button.label


def _value(field: Field) -> Generator[Question, str, Json]:
    if field.element in BLOCKS:
        return (yield from _block(field))
    if field.element is Element.JSON and isinstance(field.default, dict):
        return (yield from _each(field))
    kept = "" if field.default is None else f" [{_shown(field.default)}]"
    hint = f" ({kind_of(field)})" if field.element is not Element.STRING else ""
    before: tuple[str, ...] = _described(field)
    while True:
        typed = yield Question(
            text=f"{field.label}{hint}{kept} > ",
            before=before,
            is_secret=field.element is Element.PASSWORD,
        )
        if not typed.strip():
            return None  # Its default, if it has one.
        try:
            return typed_value(field, field.name, typed)
        except FlowkernelError as error:
            before = (str(error),)


def _each(field: Field) -> Generator[Question, str, Json]:
    """An object whose names are known: asked name by name."""
    found = dict(field.default)
    before = _described(field)
    for name, default in field.default.items():
        while True:
            kept = "" if default is None else f" [{_shown(default)}]"
            typed = yield Question(text=f"  {name}{kept} > ", before=before)
            before = ()
            try:
                if typed.strip():
                    found[name] = typed_value(None, name, typed)
                break
            except FlowkernelError as error:
                before = (str(error),)
    return found


def _block(field: Field) -> Generator[Question, str, Json]:
    """Text of several lines: kept, or typed anew."""
    lines = (f"{field.label}:", *block_lines(field)) if field.default else ()
    typed = ""
    if field.default:
        typed = yield Question(
            text="Enter: as it stands; e: write it anew > ",
            before=(*lines, *_described(field)),
        )
        while typed.strip().lower() not in ("", "e", "edit"):
            typed = yield Question(
                text="Enter: as it stands; e: write it anew > ",
                before=("Type e first, and then the lines.",),
            )
        if not typed.strip():
            return None
    written: list[str] = []
    before: tuple[str, ...] = (f"{field.label}, up to a line with a single {END!r}:",)
    while True:
        line = yield Question(text="| ", before=before)
        before = ()
        if line.rstrip("\n") == END:
            return "\n".join(written)
        written.append(line.rstrip("\n"))


def _described(field: Field) -> tuple[str, ...]:
    said = field.asked.get("description")
    return (str(said),) if said else ()


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value)
